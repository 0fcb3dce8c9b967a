// Certificates with MSAL for Go, and golang.org/x/oauth2 with an assertion that the program signs itself.
package clients

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func byCertificate(t *testing.T, pem []byte) (confidential.AuthResult, error) {
	t.Helper()
	described := running(t)
	certificates, key, err := confidential.CertFromPEM(pem, "")
	if err != nil {
		t.Fatal(err)
	}
	credential, err := confidential.NewCredFromCert(certificates, key)
	if err != nil {
		t.Fatal(err)
	}
	application, err := confidential.New(
		described.BaseURL+"/"+described.TenantID, described.CertificateClients[0].ID, credential,
		confidential.WithHTTPClient(trusting(t, described)), confidential.WithInstanceDiscovery(false),
	)
	if err != nil {
		t.Fatal(err)
	}
	return application.AcquireTokenByCredential(context.Background(), []string{search + "/.default"})
}

func TestACertificateGetsAToken(t *testing.T) {
	certified := running(t).CertificateClients[0]
	var own []byte
	for _, file := range []string{certified.KeyFile, certified.CertificateFile} {
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, part...)
	}
	answer, err := byCertificate(t, own)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Azp, Azpacr string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Azp != certified.ID || claims.Azpacr != "2" {
		t.Fatalf("azp %s, azpacr %s", claims.Azp, claims.Azpacr)
	}
}

func TestAnotherCertificateIsReportedWithItsCode(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	strangers := append(
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...,
	)
	_, err = byCertificate(t, strangers)
	if err == nil || !strings.Contains(err.Error(), "700027") {
		t.Fatalf("%v", err)
	}
}

// key reads the private members of a JWK on P-256 (RFC 7518 section 6.2).
func (one keyClient) key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	number := func(name string) *big.Int {
		text, _ := one.JWK[name].(string)
		octets, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(octets)
	}
	public := ecdsa.PublicKey{Curve: elliptic.P256(), X: number("x"), Y: number("y")}
	return &ecdsa.PrivateKey{PublicKey: public, D: number("d")}
}

func byAssertion(t *testing.T, audience string, key *ecdsa.PrivateKey) (*oauth2.Token, error) {
	t.Helper()
	described := running(t)
	client := described.keyClient(t)
	now := time.Now()
	assertion := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": client.ID, "sub": client.ID, "aud": audience, "jti": uuid.NewString(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	assertion.Header["kid"] = client.Kid
	signed, err := assertion.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	asking := clientcredentials.Config{
		ClientID: client.ID, TokenURL: described.BaseURL + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams,
		EndpointParams: url.Values{
			"resource":              {search},
			"client_assertion":      {signed},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		},
	}
	return asking.Token(context.WithValue(context.Background(), oauth2.HTTPClient, trusting(t, described)))
}

func TestAnAssertionGetsAToken(t *testing.T) {
	described := running(t)
	token, err := byAssertion(t, described.BaseURL, described.keyClient(t).key(t))
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken == "" || token.Type() != "Bearer" {
		t.Fatalf("%v", token)
	}
}

func TestAnAssertionForAnotherAudienceOrByAnotherKeyIsRefused(t *testing.T) {
	described := running(t)
	strangers, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	own := described.keyClient(t).key(t)
	for audience, key := range map[string]*ecdsa.PrivateKey{
		described.BaseURL + "/oauth2/token": own,
		described.BaseURL:                   strangers,
	} {
		_, err := byAssertion(t, audience, key)
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" {
			t.Fatalf("%s: %v", audience, err)
		}
	}
}
