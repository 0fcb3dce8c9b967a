// A browser as far as sign-in needs one: a cookie jar per origin, and redirects walked by hand.
export class Browser {
  jars = new Map();

  jar(origin) {
    if (!this.jars.has(origin)) this.jars.set(origin, new Map());
    return this.jars.get(origin);
  }

  async go(url, options = {}) {
    const { origin } = new URL(url);
    const jar = this.jar(origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...options.headers, ...(cookie && { cookie }) };
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const at = pair.indexOf('=');
      const gone = attributes.some((one) => /^max-age=0$/i.test(one) || /^expires=.*1970/i.test(one));
      if (gone) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** Follows redirects within an origin and to others, up to a place that `stops` names; answers its URL. */
  async follow(url, stops, options = {}) {
    let next = { url, options };
    for (let hop = 0; hop < 10; hop += 1) {
      if (stops(next.url)) return next.url;
      const answer = await this.go(next.url, next.options);
      const location = answer.headers.get('location');
      if (!location) throw new Error(`${next.url} answered ${answer.status}: ${await answer.text()}`);
      next = { url: new URL(location, next.url).href, options: {} };
    }
    throw new Error('too many redirects');
  }
}
