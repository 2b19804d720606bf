const weir = 'https://weir.example'
const writeKey = 'YOUR_WRITE_KEY'

/** This browser: a random id for its events, and the secret that proves that a choice is its own. */
export function device() {
  const kept = localStorage.getItem('weir-device')
  if (kept !== null) return JSON.parse(kept)
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  const anonymousSecret = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
  const made = { anonymousId: crypto.randomUUID(), anonymousSecret }
  localStorage.setItem('weir-device', JSON.stringify(made))
  return made
}

/** From the banner's buttons: choose({ personalisation: true, attribution: false }) */
export async function choose(choices) {
  const answer = await fetch(`${weir}/v1/consent`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${writeKey}:`)}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...device(), choices }),
  })
  if (!answer.ok) throw new Error((await answer.json()).code)
  return answer.json()
}
