// A wmda-auth demo on a port of its own, further nodes beside it, and the WMDA team's work on it.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BINARY = process.env.WMDA_AUTH_BINARY;

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** RFC 6238 with what authenticator apps use. */
export function totp(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((one) => letters.indexOf(one).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac('sha1', key).update(step).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

export class Service {
  children = [];
  folder = mkdtempSync(join(tmpdir(), 'wmda-auth-openid-'));

  /** The variables come on top of the environment. */
  static async start(port, variables) {
    const one = new Service();
    one.variables = variables;
    one.base = `http://127.0.0.1:${port}`;
    one.data = join(one.folder, 'data');
    const demo = one.spawn(['demo', '--json', '--port', String(port), '--data-dir', one.data], variables);
    const [line] = await Promise.race([
      once(createInterface(demo.stdout), 'line'),
      once(demo, 'exit').then(() => Promise.reject(new Error(`the demo ended: ${one.log()}`))),
    ]);
    one.demo = JSON.parse(line);
    return one;
  }

  /** A further node under the same public address; answers its own. */
  async node() {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    this.spawn(['serve'], {
      WMDA_AUTH__DATABASE__URL: `sqlite:${join(this.data, 'wmda-auth.db')}`,
      ...process.env,
      ...this.variables,
      WMDA_AUTH__SERVER__BIND: `127.0.0.1:${port}`,
      WMDA_AUTH__SERVER__PUBLIC_URL: this.base,
      WMDA_AUTH__KEYS__DIR: join(this.data, 'keys'),
      WMDA_AUTH__SECRETS__PEPPER_FILE: join(this.data, 'pepper'),
    });
    for (let tries = 0; tries < 100; tries += 1) {
      const ready = await fetch(`${base}/readyz`).then((answer) => answer.ok, () => false);
      if (ready) return base;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`the node did not start: ${this.log()}`);
  }

  spawn(words, variables) {
    const log = openSync(join(this.folder, 'log'), 'a');
    const options = { cwd: this.folder, env: { ...process.env, ...variables }, stdio: ['ignore', 'pipe', log] };
    const child = spawn(BINARY, words, options);
    this.children.push(child);
    return child;
  }

  log() {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  async admin() {
    const { email, password, totp_secret: secret } = this.demo.users.find((user) => user.role === 'admin');
    const opened = await this.call('POST', '/session', null, { email, password, totp: totp(secret) });
    return opened.body.token;
  }

  async call(method, path, token, body) {
    const answer = await fetch(`${this.base}/api/v1${path}`, {
      method,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
  }

  stop() {
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
