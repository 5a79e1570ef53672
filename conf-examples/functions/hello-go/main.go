// A Go program as a FastCGI application: its handler is any http.Handler.
package main

import (
	"fmt"
	"log"
	"net/http"
	"net/http/fcgi"
)

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s\n", r.Method, r.URL.Path)
}

func main() {
	log.Fatal(fcgi.Serve(nil, http.HandlerFunc(hello)))
}
