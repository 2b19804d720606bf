/** A vendor's tag that the shop runs in the page, in the shape that Segment's library calls a classic integration. */
export function ShopChat() {
  globalThis.chatLoaded = true
  globalThis.chatSaw = []
  const listeners = []
  this.on = (event, listener) => listeners.push([event, listener])
  this.once = this.on
  this.initialize = () => {
    for (const [, listener] of listeners) listener()
  }
  this.invoke = (method, event) => globalThis.chatSaw.push(`${method} ${event.event()}`)
}
ShopChat.prototype.name = 'Shop Chat'
