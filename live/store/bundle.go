package store

const shareName = "share.json"
