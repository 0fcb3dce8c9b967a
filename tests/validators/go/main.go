// An API that checks tokens with golang-jwt and keyfunc.
package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var (
	url    = os.Getenv("PUBLIC_URL")
	tenant = os.Getenv("TENANT")
	types  = map[string]string{url: "at+jwt", url + "/" + tenant + "/": "JWT", url + "/" + tenant + "/v2.0": "JWT"}
	client = &http.Client{Timeout: 2 * time.Second}

	errUnavailable = errors.New("whether the token is good can't be said now")
	errRefused     = errors.New("not accepted")
)

type statusReference struct {
	List struct {
		Index int    `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

type accessToken struct {
	jwt.RegisteredClaims
	Roles  []string         `json:"roles"`
	Status *statusReference `json:"status"`
}

type listToken struct {
	jwt.RegisteredClaims
	TTL  int64 `json:"ttl"`
	List struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

type api struct {
	keys  keyfunc.Keyfunc
	lock  sync.Mutex
	lists map[string]statusList
}

type statusList struct {
	bits    []byte
	fetchAt time.Time // compared on the monotonic clock
	expires time.Time
}

func (a *api) claims(text string) (*accessToken, error) {
	claims := &accessToken{}
	token, err := jwt.ParseWithClaims(text, claims, a.keys.Keyfunc,
		jwt.WithValidMethods([]string{os.Getenv("ALGORITHM")}), jwt.WithAudience(os.Getenv("AUDIENCE")),
		jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second))
	if err != nil {
		return nil, err
	}
	if typ, known := types[claims.Issuer]; !known || token.Header["typ"] != typ {
		return nil, fmt.Errorf("%w: unknown issuer, or not an access token", errRefused)
	}
	if claims.Status == nil {
		return nil, fmt.Errorf("%w: no status", errRefused)
	}
	return claims, a.check(claims.Status.List.URI, claims.Status.List.Index)
}

// A list is read again when its ttl has passed; used until its exp while the server does not answer, and never after.
func (a *api) check(uri string, index int) error {
	if !strings.HasPrefix(uri, url+"/") {
		return fmt.Errorf("%w: a foreign status list", errRefused)
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	known, found := a.lists[uri]
	if !found || !time.Now().Before(known.fetchAt) {
		fetched, err := a.fetch(uri)
		if err == nil {
			known, a.lists[uri] = fetched, fetched
		} else if log.Printf("%s: %v", uri, err); !found {
			return errUnavailable
		}
	}
	if !time.Now().Before(known.expires) {
		return errUnavailable
	}
	if index < 0 || index/8 >= len(known.bits) || known.bits[index/8]>>(index%8)&1 != 0 {
		return fmt.Errorf("%w: its secret was deleted or its application disabled", errRefused)
	}
	return nil
}

func (a *api) fetch(uri string) (statusList, error) {
	asked := time.Now()
	answer, err := client.Get(uri)
	if err != nil {
		return statusList{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || answer.StatusCode != http.StatusOK {
		return statusList{}, fmt.Errorf("%s %v", answer.Status, err)
	}
	claims := &listToken{}
	token, err := jwt.ParseWithClaims(string(text), claims, a.keys.Keyfunc,
		jwt.WithValidMethods([]string{"ES256", "RS256"}), jwt.WithSubject(uri), jwt.WithExpirationRequired())
	if err != nil {
		return statusList{}, err
	}
	if token.Header["typ"] != "statuslist+jwt" || claims.List.Bits != 1 {
		return statusList{}, errRefused
	}
	packed, err := base64.RawURLEncoding.DecodeString(claims.List.List)
	if err != nil {
		return statusList{}, err
	}
	reader, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return statusList{}, err
	}
	bits, err := io.ReadAll(io.LimitReader(reader, 1<<22))
	return statusList{bits, asked.Add(time.Duration(claims.TTL) * time.Second), claims.ExpiresAt.Time}, err
}

func (a *api) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	scheme, text, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	claims, err := (*accessToken)(nil), errRefused
	if strings.EqualFold(scheme, "Bearer") {
		claims, err = a.claims(text)
	}
	switch {
	case errors.Is(err, errUnavailable):
		answer.WriteHeader(http.StatusServiceUnavailable)
	case err != nil:
		log.Printf("refused: %v", err) // the reason is for the log, not for the caller
		answer.Header().Set("WWW-Authenticate", "Bearer")
		answer.WriteHeader(http.StatusUnauthorized)
	case !slices.Contains(claims.Roles, os.Getenv("ROLE")):
		answer.WriteHeader(http.StatusForbidden)
	default:
		fmt.Fprint(answer, claims.Subject)
	}
}

func main() {
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{url + "/oauth2/jwks"},
		keyfunc.Override{Client: client, RefreshInterval: 300 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	handler := &api{keys: keys, lists: map[string]statusList{}}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handler))
}
