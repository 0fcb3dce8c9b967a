// Organisations: the registries and transplant centres that own applications.

import { post } from './api.js';
import { openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { field, form, input } from './forms.js';
import { icon } from './icons.js';
import { pagedList, searchBox, stateBadge, table } from './lists.js';
import { toast } from './notices.js';
import { isAdmin } from './session.js';
import { locale, t, titled } from './texts.js';

const words = t.organisations;
const COUNTRY = /^[A-Z]{2}$/;

let countries = null;
try {
  countries = new Intl.DisplayNames(locale, { type: 'region' });
} catch {
  /* Only the code is shown. */
}

/** A country's name in the page's language. */
export function country(code) {
  try {
    return `${countries.of(code)} (${code})`;
  } catch {
    return code;
  }
}

/** Fields for name and country; `.good()` validates and shows errors, `.value()` is the API's format. */
export function organisationFields(organisation = { name: '', country_code: '' }) {
  const label = field(t.name, input({ value: organisation.name }), { longest: 120 });
  const code = field(words.country, input({ class: 'input short', value: organisation.country_code }), {
    advice: words.countryAdvice,
  });
  const value = () => ({ name: label.text(), country_code: code.text().toUpperCase() });
  return {
    fields: [label, code],
    value,
    good() {
      if (!value().name) label.fail(words.nameMissing);
      if (!COUNTRY.test(value().country_code)) code.fail(words.twoLetters);
      return value().name !== '' && COUNTRY.test(value().country_code);
    },
  };
}

export async function organisationsView(main, { signal }) {
  titled(words.title);
  const list = table(words.title, words.columns);
  const paged = pagedList({
    path: '/organisations',
    signal,
    filters: { search: '' },
    show: (items, fresh) =>
      list.fill(items.map(cells), { fresh, empty: paged.filters.search ? words.notFound : words.none }),
  });

  function add() {
    const organisation = organisationFields();
    const send = async () => {
      if (!organisation.good()) return false;
      const made = await post('/organisations', organisation.value());
      dialog.close();
      toast(t.created(made.name));
      location.hash = `#/organisations/${made.id}`;
      return true;
    };
    const dialog = openDialog({
      title: words.add,
      kind: 'small',
      body: form({ fields: organisation.fields, submit: words.create, cancel: () => dialog.close(), send }),
    });
    organisation.fields[0].control.focus();
  }

  await paged.load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, words.title),
      isAdmin() && h('button', { type: 'button', class: 'button primary', onclick: add }, icon('plus'), words.add),
    ),
    searchBox(words.search, (search) => paged.filter({ search }), paged.filters.search),
    list,
    paged.more,
  );
}

const cells = (one) => [
  h('a', { href: `#/organisations/${one.id}` }, name(one.name)),
  country(one.country_code),
  stateBadge(one.enabled),
];
