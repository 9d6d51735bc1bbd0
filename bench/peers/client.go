// A client process of clients.ts in idiomatic Go: one writev and io.ReadAll for
// a message; a buffered reader and writer for lines.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	marker  = []byte("SERVER WRONG MARKER")
	address = "127.0.0.1:" + os.Args[1]
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func messages(size int) func() int {
	data := bytes.Repeat([]byte("a"), size)
	return func() int {
		conn := must(net.Dial("tcp", address)).(*net.TCPConn)
		defer conn.Close()
		message := net.Buffers{data, marker}
		must(message.WriteTo(conn))
		conn.CloseWrite()
		if reply := must(io.ReadAll(conn)); len(reply) < 2*size {
			log.Fatal("a short reply")
		}
		return 1
	}
}

func lines(ahead int) func() int {
	conn := must(net.Dial("tcp", address))
	reader := bufio.NewReaderSize(conn, 64*1024)
	writer := bufio.NewWriterSize(conn, 64*1024)
	return func() int {
		for i := 0; i < ahead; i++ {
			writer.WriteString("PING\r\n")
		}
		writer.Flush()
		for i := 0; i < ahead; i++ {
			if len(must(reader.ReadSlice('\n'))) != 7 {
				log.Fatal("a wrong reply")
			}
		}
		return ahead
	}
}

func run(step func() int, least int, seconds float64) int {
	end := time.Now().Add(time.Duration(seconds * 1e9))
	count := step()
	for count < least || time.Now().Before(end) {
		count += step()
	}
	return count
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func main() {
	size := must(strconv.Atoi(os.Args[3]))
	least := must(strconv.Atoi(os.Args[4]))
	warmUp := must(strconv.ParseFloat(os.Args[5], 64))
	seconds := must(strconv.ParseFloat(os.Args[6], 64))
	kinds := map[string]func(int) func() int{"messages": messages, "lines": lines}
	step := kinds[os.Args[2]](size)
	if warmUp > 0 {
		run(step, least, warmUp)
	}
	start, used := time.Now(), cpuSeconds()
	count := run(step, least, seconds)
	status := string(must(os.ReadFile("/proc/self/status")))
	_, peak, _ := strings.Cut(status, "VmHWM:")
	fmt.Printf(`{"count":%d,"seconds":%g,"cpuSeconds":%g,"peakBytes":%d}`+"\n",
		count, time.Since(start).Seconds(), cpuSeconds()-used,
		1024*must(strconv.Atoi(strings.Fields(peak)[0])))
}
