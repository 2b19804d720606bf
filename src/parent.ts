/**
 * Calls `then` once our parent is another process than `parent`. npm passes a signal to its shell, and that ends
 * without passing it on; whoever is killed passes nothing on at all: this is what is seen of it.
 */
export function whenParentGoes(parent: number, then: () => void): void {
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    then()
  }, 200).unref()
}
