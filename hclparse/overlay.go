package hclparse

import (
	"bytes"
	"io"
	"io/fs"
	"time"
)

// Overlay is a file system in which some files of fsys have other bytes, by
// path: what a tree would be after edits. The map is read with every Open, so
// that its owner may change it between two loads. There must be a file below
// at each path; modes and symlinks are those of fsys.
func Overlay(fsys fs.FS, files map[string][]byte) fs.FS {
	return &overlay{FS: fsys, files: files}
}

type overlay struct {
	fs.FS
	files map[string][]byte
}

func (o *overlay) Open(name string) (fs.File, error) {
	data, ok := o.files[name]
	if !ok {
		return o.FS.Open(name)
	}
	info, err := fs.Lstat(o.FS, name)
	if err != nil {
		return nil, err
	}
	return &changedFile{Reader: bytes.NewReader(data), info: changedInfo{info, int64(len(data))}}, nil
}

// ReadDir is that of the file system below, which may leave out what git
// ignores: opening the directory would list that.
func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(o.FS, name) }

// ReadLink and Lstat are those of the file system below: fixes change no link.
func (o *overlay) ReadLink(name string) (string, error) { return fs.ReadLink(o.FS, name) }

func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	info, err := fs.Lstat(o.FS, name)
	if data, ok := o.files[name]; ok && err == nil {
		return changedInfo{info, int64(len(data))}, nil
	}
	return info, err
}

type changedFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *changedFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *changedFile) Close() error               { return nil }

var _ io.ReadSeeker = (*changedFile)(nil)

type changedInfo struct {
	fs.FileInfo
	size int64
}

func (i changedInfo) Size() int64        { return i.size }
func (i changedInfo) ModTime() time.Time { return time.Time{} }
