import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyset, openFileProvider } from '../../../src/keys/providers/file.ts'
import { describeProvider } from '../../support/provider-contract.ts'

const passphrase = 'a passphrase for tests'

describeProvider('file:', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-provider-'))
  const path = join(directory, 'keyset.json')
  await createKeyset({ path, passphrase, mode: 'development', kdf: { m: 19_456, t: 2, p: 1 } })
  return {
    open: () => openFileProvider({ path, passphrase }),
    close: () => rm(directory, { recursive: true }),
  }
})
