// tunnel carries connections to a server over TLS, for senders that speak in clear:
//
//	tunnel -addr 127.0.0.1:5000 -to 127.0.0.1:4317 -ca ca.pem
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	addr := flag.String("addr", "", "address to listen on")
	to := flag.String("to", "", "address of the server")
	ca := flag.String("ca", "", "file with the certificate of the server's authority")
	flag.Parse()
	pem, err := os.ReadFile(*ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h2"}}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go carry(client, *to, config)
	}
}

func carry(client net.Conn, to string, config *tls.Config) {
	defer client.Close()
	server, err := tls.Dial("tcp", to, config)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	io.Copy(server, client)
}
