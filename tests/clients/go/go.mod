module example.org/clients

go 1.23.0

require (
	github.com/AzureAD/microsoft-authentication-library-for-go v1.4.2
	github.com/golang-jwt/jwt/v5 v5.0.0
	github.com/google/uuid v1.3.0
	golang.org/x/oauth2 v0.27.0
)

require github.com/kylelemons/godebug v1.1.0 // indirect
