// Resources: the WMDA APIs, which are the audiences of tokens.

import { get } from './api.js';
import { h, name, replace } from './dom.js';
import { environmentBadge, table } from './lists.js';
import { t, titled } from './texts.js';

const words = t.resources;

export async function resourcesView(main, { signal }) {
  titled(words.title);
  const { items } = await get('/resources', { signal });
  const list = table(words.title, words.columns);
  const cells = (one) => [
    name(one.name),
    environmentBadge(one.environment),
    h('code', { class: 'small' }, one.id),
    h(
      'span',
      { class: 'codes-inline' },
      one.roles.map((role) => h('code', {}, role)),
    ),
    one.signing_algorithm ?? words.standard,
    one.token_lifetime_seconds ? words.minutes(Math.round(one.token_lifetime_seconds / 60)) : words.standard,
  ];
  list.fill(items.map(cells), { empty: words.none });
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: '-1' }, words.title), h('p', { class: 'lead' }, words.lead)),
    ),
    list,
  );
}
