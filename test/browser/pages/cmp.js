// Stands for the shop's consent manager: what it must be able to say is in the three functions.
let categories = JSON.parse(localStorage.getItem('cmp') ?? 'null')
const listeners = []
const { promise, resolve } = Promise.withResolvers()
if (categories !== null) resolve()

/** Resolves once the visitor has answered, now or on an earlier visit. */
export const answered = () => promise

/** What the visitor chose: { Functional: true, Marketing: false } */
export const chosenCategories = () => categories

/** Calls back with the categories whenever the visitor changes them. */
export const onChange = (listener) => listeners.push(listener)

/** The buttons of the banner. */
export function answerBanner(choice) {
  categories = choice
  localStorage.setItem('cmp', JSON.stringify(choice))
  resolve()
  for (const listener of listeners) listener(choice)
}
