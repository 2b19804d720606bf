import { AppError } from '../../errors.ts'
import { aliyunSms } from './aliyun.ts'
import type { SmsProvider } from './provider.ts'
import { tencentSms } from './tencent.ts'
import { webhookSms } from './webhook.ts'

export interface SmsOptions {
  /** WEIR_SMS: `https://…` for a webhook, `aliyun:?…`, `tencent:?…`. */
  readonly uri: string
  /** Content of WEIR_SMS_SECRET_FILE. */
  readonly secret: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Throws AppError invalid (`config`), naming what is missing and never a value. */
export function openSms({ uri, secret, now }: SmsOptions): SmsProvider {
  const url = new URL(uri)
  if (url.protocol === 'https:' || url.protocol === 'http:') return webhookSms({ url: uri, secret, now })
  const said = url.searchParams
  const need = (name: string): string => {
    const value = said.get(name)
    if (value !== null && value !== '') return value
    throw new AppError('invalid', `WEIR_SMS must say ${name}=… for ${url.protocol}`, { code: 'config' })
  }
  const shared = { signName: need('sign'), template: need('template'), notice: said.get('notice') ?? undefined, now }
  if (url.protocol === 'aliyun:') {
    const endpoint = said.get('endpoint') ?? 'https://dysmsapi.aliyuncs.com'
    return aliyunSms({ ...shared, endpoint, accessKeyId: need('accessKeyId'), accessKeySecret: secret })
  }
  return tencentSms({
    ...shared,
    endpoint: said.get('endpoint') ?? 'https://sms.tencentcloudapi.com',
    secretId: need('secretId'),
    secretKey: secret,
    appId: need('appId'),
    region: said.get('region') ?? 'ap-guangzhou',
  })
}
