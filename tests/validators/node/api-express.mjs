import express from "express";
import { wmdaAuth } from "./wmda-auth.mjs";

const { PUBLIC_URL: url, TENANT: tenant, AUDIENCE: audience, ALGORITHM: algorithm, API_URL: apiUrl, ROLE, PORT } = process.env;
const auth = wmdaAuth({ url, tenant, audience, algorithm, apiUrl });

const api = express();
api.get("/", auth.express(ROLE), (request, response) => response.send(request.caller.sub));
api.get("/.well-known/oauth-protected-resource", (_, response) => response.json(auth.metadata));
api.listen(PORT, "127.0.0.1");
