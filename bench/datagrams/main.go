// datagrams sends lines of StatsD by UDP, at a steady pace:
//
//	datagrams -addr 127.0.0.1:8125 -n 100000 -lines 20 -series 1000 -rate 5000
//
// It prints one JSON object. Counters, gauges and timers take turns.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

// Datagrams leave in bursts, one a tick: a shorter sleep is not to be had.
const tick = time.Millisecond

func main() {
	addr := flag.String("addr", "", "address of the server")
	count := flag.Int("n", 1000, "datagrams")
	lines := flag.Int("lines", 1, "lines of each")
	series := flag.Int("series", 1000, "series")
	rate := flag.Float64("rate", 10000, "datagrams a second")
	flag.Parse()
	server, err := net.Dial("udp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	datagrams := written(*lines, *series)
	start := time.Now()
	for sent := 0; sent < *count; {
		due := min(int(time.Since(start).Seconds()**rate)+1, *count)
		for ; sent < due; sent++ {
			// Nobody listens any more, or not yet: the server's own count tells.
			server.Write(datagrams[sent%len(datagrams)])
		}
		time.Sleep(tick)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"items":   *count * *lines,
		"seconds": time.Since(start).Seconds(),
	})
}

// Datagrams that together have a line for each series, and whole numbers of lines.
func written(lines, series int) [][]byte {
	var all [][]byte
	for next := 0; next < series; {
		var datagram bytes.Buffer
		for i := 0; i < lines; i, next = i+1, next+1 {
			fmt.Fprintf(&datagram, "%s\n", line(next%series))
		}
		all = append(all, bytes.TrimRight(datagram.Bytes(), "\n"))
	}
	return all
}

func line(number int) string {
	about := fmt.Sprintf("#env:production,host:web-%d", number)
	switch number % 4 {
	case 0:
		return fmt.Sprintf("shop.requests.in_flight:%d|g|%s", number%100, about)
	case 1:
		return fmt.Sprintf("shop.requests.duration:%d.5|ms|%s", number%250, about)
	default:
		return fmt.Sprintf("shop.requests.count:1|c|%s", about)
	}
}
