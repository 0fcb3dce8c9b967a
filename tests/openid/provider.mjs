// A real OpenID provider (oidc-provider) on loopback, whose token answers a test may tamper with.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

/** The secret looks like a number, which it must not become on its way through the environment. */
export const CLIENT = { id: 'wmda-auth', secret: '00314159265358979323846264338327' };

/** The methods of a sign-in with password and one-time code (RFC 8176). */
const SEVERAL_FACTORS = ['pwd', 'otp', 'mfa'];

async function newKey(kid) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

export class OpenIdProvider {
  /** Subject → { email, email_verified, amr }. */
  accounts = new Map();
  /** Changes the ID token of the next answers. */
  tamper = null;
  /** 'answers', 'hangs' or 'fails'. */
  mood = 'answers';
  /** Requests so far. */
  asked = 0;

  static async start(redirectUri) {
    const one = new OpenIdProvider();
    one.redirectUri = redirectUri;
    one.server = createServer((request, response) => one.handle(request, response));
    one.server.listen(0, '127.0.0.1');
    await once(one.server, 'listening');
    one.issuer = `http://127.0.0.1:${one.server.address().port}`;
    await one.replaceKeys('first');
    return one;
  }

  async replaceKeys(kid) {
    this.key = await newKey(kid);
    this.provider = this.configured();
    this.callback = this.provider.callback();
  }

  person(subject, email, more = {}) {
    this.accounts.set(subject, { email, email_verified: true, amr: SEVERAL_FACTORS, ...more });
    return subject;
  }

  configured() {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: [this.redirectUri],
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
      jwks: { keys: [this.key] },
      pkce: { required: () => true },
      cookies: { keys: ['for tests'] },
      acrValues: ['urn:example:mfa'],
      claims: { openid: ['sub', 'amr', 'acr'], email: ['email', 'email_verified'] },
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, ...this.accounts.get(id), amr: undefined, acr: undefined }),
      }),
      loadExistingGrant: async (ctx) => {
        const { session, client } = ctx.oidc;
        const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
        grant.addOIDCScope('openid email');
        await grant.save();
        return grant;
      },
    });
    provider.on('server_error', (_, error) => console.error(error));
    provider.use(async (ctx, next) => {
      await next();
      if (ctx.path === '/token' && ctx.body?.id_token && this.tamper) {
        ctx.body.id_token = await this.tamper(ctx.body.id_token, this.key);
      }
    });
    return provider;
  }

  handle(request, response) {
    this.asked += 1;
    if (this.mood === 'hangs') return;
    if (this.mood === 'fails') return response.writeHead(500).end('{"error":"server_error"}');
    const signIn = /^\/interaction\/[^/?]+\?account=(.*)$/.exec(request.url);
    if (signIn && request.method === 'POST') {
      const accountId = decodeURIComponent(signIn[1]);
      const { amr, acr } = this.accounts.get(accountId);
      return this.provider.interactionFinished(request, response, { login: { accountId, amr, acr } });
    }
    return this.callback(request, response);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
