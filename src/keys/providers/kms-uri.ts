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
  const known = [...asked.keys()].every((name) => name === 'region' || name === 'endpoint')
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
  if (endpoint !== undefined && !(URL.canParse(endpoint) && isPrivateWay(new URL(endpoint)))) {
    throw config('WEIR_KEYS must give ?endpoint= as an https URL, for instance that of a VPC endpoint')
  }
  return { alias, region: where, endpoint }
}

function config(message: string): AppError {
  return new AppError('invalid', message, { code: 'config' })
}
