// A server with the conversation of server.ts in idiomatic Go: a goroutine for
// each connection, a slice that grows, one writev, a drain before the close.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

var marker = []byte("SERVER WRONG MARKER")

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("started on %d\n", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go converse(conn.(*net.TCPConn))
	}
}

func converse(conn *net.TCPConn) {
	defer conn.Close()
	reply := net.Buffers{[]byte("ERROR:no end!")}
	if data, ok := recvEnd(conn); ok {
		reply = net.Buffers{data, data}
	}
	if _, err := reply.WriteTo(conn); err != nil {
		return
	}
	conn.CloseWrite()
	io.Copy(io.Discard, conn)
}

// recvEnd reads until the marker, and returns what came before it.
func recvEnd(conn net.Conn) ([]byte, bool) {
	data := make([]byte, 0, 4096)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := conn.Read(data[len(data):cap(data)])
		from := len(data) - len(marker) + 1
		if from < 0 {
			from = 0
		}
		data = data[:len(data)+n]
		if i := bytes.Index(data[from:], marker); i >= 0 {
			return data[:from+i], true
		}
		if err != nil {
			return data, false
		}
	}
}
