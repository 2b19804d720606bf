import { AppError } from '../../errors.ts'

const PATH = /^(\/v1\/(?:[\w-]+\/)+)keys\/([\w.-]+)$/

/**
 * Reads `vault:https://host:8200/v1/transit/keys/NAME`: the URL of the mount, with a slash at its end, and the key's
 * name. Throws AppError `config`.
 */
export function readVaultUri(uri: string): { mount: URL; name: string } {
  const text = uri.slice('vault:'.length)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const [, mount, name] = PATH.exec(url?.pathname ?? '') ?? []
  const plain = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!uri.startsWith('vault:') || !plain || mount === undefined || name === undefined || !isPrivateWay(url)) {
    throw new AppError(
      'invalid',
      'WEIR_KEYS must be vault: with https and the path of a transit key, for instance vault:https://vault.example:8200/v1/transit/keys/weir',
      { code: 'config' },
    )
  }
  return { mount: new URL(mount, url), name }
}

/** https, or http that never leaves this machine: keys go over it. */
export function isPrivateWay(url: URL): boolean {
  const isLoopback =
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback)
}
