module example.org/clients

go 1.21

require github.com/AzureAD/microsoft-authentication-library-for-go v1.4.2

require (
	github.com/golang-jwt/jwt/v5 v5.0.0 // indirect
	github.com/google/uuid v1.3.0 // indirect
	github.com/kylelemons/godebug v1.1.0 // indirect
)
