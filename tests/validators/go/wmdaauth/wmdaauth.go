// Package wmdaauth checks access tokens of wmda-auth with golang-jwt and keyfunc, and their status; for net/http.
package wmdaauth

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var (
	errUnavailable = errors.New("whether the token is good can't be said now")
	errRefused     = errors.New("not accepted")
)

// Settings say whose tokens are accepted: URL is the server's address, Audience your API's resource id, Algorithm the
// one that it was registered with.
type Settings struct{ URL, Tenant, Audience, Algorithm string }

// Claims are the caller's.
type Claims struct {
	jwt.RegisteredClaims
	Roles  []string         `json:"roles"`
	Status *statusReference `json:"status"`
	Bound  json.RawMessage  `json:"cnf"`
}

type statusReference struct {
	List struct {
		Index int    `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

type listClaims struct {
	jwt.RegisteredClaims
	TTL  int64 `json:"ttl"`
	List struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
}

// Auth checks tokens; make one for the whole API.
type Auth struct {
	settings Settings
	types    map[string]string
	client   *http.Client
	keys     keyfunc.Keyfunc
	lock     sync.Mutex
	lists    map[string]statusList
}

type statusList struct {
	bits     int
	statuses []byte
	fetchAt  time.Time // compared on the monotonic clock
	expires  time.Time
}

// New fetches the server's keys.
func New(s Settings) (*Auth, error) {
	client := &http.Client{Timeout: 2 * time.Second}
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{s.URL + "/oauth2/jwks"},
		keyfunc.Override{Client: client, RefreshInterval: 300 * time.Second})
	types := map[string]string{s.URL: "at+jwt", s.URL + "/" + s.Tenant + "/": "JWT", s.URL + "/" + s.Tenant + "/v2.0": "JWT"}
	return &Auth{settings: s, types: types, client: client, keys: keys, lists: map[string]statusList{}}, err
}

type callerKey struct{}

// Caller is who calls, in a handler behind Require.
func Caller(request *http.Request) *Claims {
	claims, _ := request.Context().Value(callerKey{}).(*Claims)
	return claims
}

// Require lets only callers with the role through.
func (a *Auth) Require(role string, next http.HandlerFunc) http.HandlerFunc {
	return func(answer http.ResponseWriter, request *http.Request) {
		scheme, text, _ := strings.Cut(request.Header.Get("Authorization"), " ")
		claims, err := (*Claims)(nil), errRefused
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
		case !slices.Contains(claims.Roles, role):
			answer.WriteHeader(http.StatusForbidden)
		default:
			next(answer, request.WithContext(context.WithValue(request.Context(), callerKey{}, claims)))
		}
	}
}

func (a *Auth) claims(text string) (*Claims, error) {
	claims := &Claims{}
	token, err := jwt.ParseWithClaims(text, claims, a.keys.Keyfunc,
		jwt.WithValidMethods([]string{a.settings.Algorithm}), jwt.WithAudience(a.settings.Audience),
		jwt.WithExpirationRequired(), jwt.WithLeeway(30*time.Second))
	if err != nil {
		return nil, err
	}
	if claims.Bound != nil {
		return nil, fmt.Errorf("bound to a key: it needs a DPoP proof, which is not checked here: %w", errRefused)
	}
	if typ, known := a.types[claims.Issuer]; !known || token.Header["typ"] != typ {
		return nil, fmt.Errorf("%w: unknown issuer, or not an access token", errRefused)
	}
	if claims.Status == nil {
		return nil, fmt.Errorf("%w: no status", errRefused)
	}
	return claims, a.check(claims.Status.List.URI, claims.Status.List.Index)
}

// A list is read again when its ttl has passed; used until its exp while the server does not answer, and never after.
func (a *Auth) check(uri string, index int) error {
	if !strings.HasPrefix(uri, a.settings.URL+"/") {
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
	if status, found := known.status(index); !found || status != 0 {
		return fmt.Errorf("%w: its secret was deleted or its application disabled", errRefused)
	}
	return nil
}

func (l statusList) status(index int) (int, bool) {
	perByte := 8 / l.bits
	if index < 0 || index/perByte >= len(l.statuses) {
		return 0, false
	}
	return int(l.statuses[index/perByte]) >> (index % perByte * l.bits) & (1<<l.bits - 1), true
}

func (a *Auth) fetch(uri string) (statusList, error) {
	asked := time.Now()
	answer, err := a.client.Get(uri)
	if err != nil {
		return statusList{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || answer.StatusCode != http.StatusOK {
		return statusList{}, fmt.Errorf("%s %v", answer.Status, err)
	}
	claims := &listClaims{}
	token, err := jwt.ParseWithClaims(string(text), claims, a.keys.Keyfunc,
		jwt.WithValidMethods([]string{"ES256", "RS256"}), jwt.WithSubject(uri), jwt.WithExpirationRequired())
	if err != nil {
		return statusList{}, err
	}
	if token.Header["typ"] != "statuslist+jwt" || !slices.Contains([]int{1, 2, 4, 8}, claims.List.Bits) {
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
	statuses, err := io.ReadAll(io.LimitReader(reader, 1<<22))
	fetchAt := asked.Add(time.Duration(claims.TTL) * time.Second)
	return statusList{claims.List.Bits, statuses, fetchAt, claims.ExpiresAt.Time}, err
}
