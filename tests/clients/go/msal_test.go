// MSAL for Go, which adds scopes of OpenID to whatever is asked for. The running demo is read from WMDA_AUTH_DEMO.
package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

const search = "f6d78a69-c840-46a2-941b-a0e08f9296e7"

type client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

type keyClient struct {
	ID      string         `json:"client_id"`
	Kid     string         `json:"kid"`
	Alg     string         `json:"alg"`
	Profile string         `json:"profile"`
	JWK     map[string]any `json:"jwk"`
}

type certificateClient struct {
	ID              string `json:"client_id"`
	KeyFile         string `json:"key_file"`
	CertificateFile string `json:"certificate_file"`
}

type demo struct {
	BaseURL            string              `json:"base_url"`
	TenantID           string              `json:"tenant_id"`
	CAFile             string              `json:"ca_file"`
	Clients            []client            `json:"clients"`
	KeyClients         []keyClient         `json:"key_clients"`
	CertificateClients []certificateClient `json:"certificate_clients"`
}

// keyClient is the application that has a key on P-256 and may get tokens that are bound to nothing.
func (described demo) keyClient(t *testing.T) keyClient {
	t.Helper()
	for _, one := range described.KeyClients {
		if one.Alg == "ES256" && one.Profile == "standard" {
			return one
		}
	}
	t.Fatal("the demo has no such client")
	return keyClient{}
}

func running(t *testing.T) demo {
	t.Helper()
	var described demo
	if err := json.Unmarshal([]byte(os.Getenv("WMDA_AUTH_DEMO")), &described); err != nil {
		t.Fatal(err)
	}
	return described
}

// trusting believes the demo's authority and nobody else.
func trusting(t *testing.T, described demo) *http.Client {
	t.Helper()
	authority, err := os.ReadFile(described.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("the authority's file holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func acquire(t *testing.T, tenant, secret string) (confidential.AuthResult, error) {
	t.Helper()
	described := running(t)
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	application, err := confidential.New(
		described.BaseURL+"/"+tenant, described.Clients[0].ID, credential,
		confidential.WithHTTPClient(trusting(t, described)), confidential.WithInstanceDiscovery(false),
	)
	if err != nil {
		t.Fatal(err)
	}
	return application.AcquireTokenByCredential(context.Background(), []string{search + "/.default"})
}

func TestATokenIsForTheResourceAndTheClient(t *testing.T) {
	described := running(t)
	for _, tenant := range []string{described.TenantID, strings.ToUpper(described.TenantID)} {
		answer, err := acquire(t, tenant, described.Clients[0].Secret)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.AccessToken, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Aud, Azp string }
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Aud != search || claims.Azp != described.Clients[0].ID {
			t.Fatalf("aud %s, azp %s", claims.Aud, claims.Azp)
		}
	}
}

func TestAWrongSecretIsReportedWithItsCode(t *testing.T) {
	described := running(t)
	_, err := acquire(t, described.TenantID, described.Clients[0].Secret+"x")
	if err == nil || !strings.Contains(err.Error(), "7000215") {
		t.Fatalf("%v", err)
	}
}
