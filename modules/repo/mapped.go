package repo

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// A mapped is the content of a file that nobody changes, only replaces: a pack
// or an index of git's. It is mapped into memory, or read where that cannot be.
type mapped struct {
	name   string
	data   []byte
	inFile bool // data is a mapping
}

func mapFile(name string) (*mapped, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > math.MaxInt {
		return nil, fmt.Errorf("%s is no file of git's", name)
	}
	size := int(info.Size())
	if data, err := mapData(f, size); err == nil {
		return &mapped{name: name, data: data, inFile: true}, nil
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return &mapped{name: name, data: data}, nil
}

func (m *mapped) close() {
	if m.inFile {
		_ = unmapData(m.data)
	}
	m.data = nil
}

func (m *mapped) forget() {
	if m.inFile {
		forgetData(m.data)
	}
}

func (m *mapped) holds(addr uintptr) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	return m.inFile && addr >= first && addr-first < uintptr(len(m.data))
}

// guarded runs f. Where a file of the store cannot be read, because the disk
// fails or something has cut it short, that is an error instead of the end of
// the process.
func (n *nativeReader) guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if fault, ok := p.(interface {
			runtime.Error
			Addr() uintptr
		}); ok {
			for _, m := range n.mapped() {
				if m.holds(fault.Addr()) {
					err = fmt.Errorf("%s: it cannot be read\nhint: \"git fsck\" tells more", m.name)
					return
				}
			}
		}
		panic(p)
	}()
	return f()
}

func (n *nativeReader) mapped() []*mapped {
	var list []*mapped
	for _, p := range n.odb.packs {
		list = append(list, p.file, p.index)
	}
	if n.graph != nil {
		for _, l := range n.graph.layers {
			list = append(list, l.file)
		}
	}
	return list
}
