import fastify from "fastify";
import { wmdaAuth } from "./wmda-auth.mjs";

const { PUBLIC_URL: url, TENANT: tenant, AUDIENCE: audience, ALGORITHM: algorithm, API_URL: apiUrl, ROLE, PORT } = process.env;
const auth = wmdaAuth({ url, tenant, audience, algorithm, apiUrl });

const api = fastify();
api.get("/", { preHandler: auth.fastify(ROLE) }, async (request) => request.caller.sub);
api.get("/.well-known/oauth-protected-resource", async () => auth.metadata);
await api.listen({ port: Number(PORT), host: "127.0.0.1" });
