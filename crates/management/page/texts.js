// The words of the page in the reader's language: a module per language, of which one is loaded.

const LANGUAGES = {
  en: { name: 'English', region: 'en-GB', load: () => import('./text-en.js') },
  nl: { name: 'Nederlands', region: 'nl-NL', load: () => import('./text-nl.js') },
};
const KEPT = 'wmda-auth-language';

/** What somebody chose with the switch; a browser may keep nothing. */
function chosen() {
  try {
    const kept = localStorage.getItem(KEPT);
    return Object.hasOwn(LANGUAGES, kept) ? kept : null;
  } catch {
    return null;
  }
}

const primary = (tag) => tag.split('-')[0].toLowerCase();

/** The language of the page: by choice, or the first of the browser's that there is. */
export const language =
  chosen() ?? navigator.languages.map(primary).find((one) => Object.hasOwn(LANGUAGES, one)) ?? 'en';

/** How dates and numbers are written: as where the reader lives, if that place speaks the language of the page. */
export const locale =
  navigator.languages.find((one) => one.includes('-') && primary(one) === language) ?? LANGUAGES[language].region;

/** Every text, by view. */
export const t = (await LANGUAGES[language].load()).default;

/** The languages that there are: code and name in itself. */
export const languages = Object.entries(LANGUAGES).map(([code, { name }]) => [code, name]);

/** Chooses another language, for this browser, and shows the page in it. */
export function speak(code) {
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    /* Then it is asked again the next time. */
  }
  location.reload();
}

/** Names the view in the browser's tab. */
export function titled(view) {
  document.title = view === t.product ? view : `${view} – ${t.product}`;
}

document.documentElement.lang = language;
