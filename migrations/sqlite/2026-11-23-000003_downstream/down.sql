DROP TABLE revoked_tokens;
DROP TABLE resource_server_resources;
DROP TABLE resource_servers;
