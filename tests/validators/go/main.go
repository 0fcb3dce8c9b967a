package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"example.org/api/wmdaauth"
)

func main() {
	auth, err := wmdaauth.New(wmdaauth.Settings{URL: os.Getenv("PUBLIC_URL"), Tenant: os.Getenv("TENANT"),
		Audience: os.Getenv("AUDIENCE"), Algorithm: os.Getenv("ALGORITHM")})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /", auth.Require(os.Getenv("ROLE"), func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(answer, wmdaauth.Caller(request).Subject)
	}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
