import { AppError } from '../../errors.ts'
import { isPrivateWay } from './vault-uri.ts'

export interface KmsPlace {
  /** `alias/NAME` */
  readonly alias: string
  readonly region: string
  /** Another address than AWS' own, for instance a VPC endpoint. */
  readonly endpoint: string | undefined
}

const ALIAS = /^alias\/(?!aws\/)[\w/-]{1,200}$/ // alias/aws/… are keys that AWS manages: they cannot be destroyed
const REGION = /^[a-z]{2}[a-z-]{1,24}-\d$/

/**
 * Reads `aws-kms:alias/NAME?region=…&endpoint=…`; `region` is that of the environment where the URI names none.
 * Throws AppError `config`.
 */
export function readKmsUri(uri: string, region: string | undefined): KmsPlace {
  const [alias = '', query = '', ...rest] = uri.slice('aws-kms:'.length).split('?')
  const asked = new URLSearchParams(query)
  const names = [...asked.keys()]
  const known = names.every((name) => name === 'region' || name === 'endpoint') && names.length === new Set(names).size
  if (!uri.startsWith('aws-kms:') || !ALIAS.test(alias) || rest.length > 0 || !known) {
    throw config('WEIR_KEYS must be aws-kms: with an alias, for instance aws-kms:alias/weir?region=eu-central-1')
  }
  const where = asked.get('region') ?? region
  if (where === undefined || !REGION.test(where)) {
    throw config(
      'WEIR_KEYS or AWS_REGION must name the region of the KMS key, for instance aws-kms:alias/weir?region=eu-central-1',
    )
  }
  const endpoint = asked.get('endpoint') ?? undefined
  if (endpoint !== undefined && !isEndpoint(endpoint)) {
    throw config(
      'WEIR_KEYS must give ?endpoint= as an https URL without a user or a password, for instance that of a VPC endpoint',
    )
  }
  return { alias, region: where, endpoint }
}

/** Without a user or a password: the URI is shown in errors and by weir keys status. */
function isEndpoint(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === ''
  return plain && isPrivateWay(url)
}

function config(message: string): AppError {
  return new AppError('invalid', message, { code: 'config' })
}
