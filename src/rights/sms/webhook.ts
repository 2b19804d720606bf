import { createHmac } from 'node:crypto'
import { post, type SmsProvider, SmsRefused } from './provider.ts'

export interface WebhookSms {
  readonly url: string
  readonly secret: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The shop's own way of sending SMS: POST JSON `{id,to,language,text,code?}`, signed with `Weir-Timestamp` (seconds) and
 * `Weir-Signature: v1=<hex of HMAC-SHA-256(secret, timestamp ‖ "." ‖ body)>`. Any 2xx has taken it; `id` is the same when
 * it is sent again.
 */
export function webhookSms({ url, secret, now }: WebhookSms): SmsProvider {
  return {
    async send(sms) {
      const body = JSON.stringify(sms)
      const timestamp = String(Math.floor(now() / 1000))
      const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
      const { status } = await post(url, {
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'weir-timestamp': timestamp,
          'weir-signature': `v1=${signature}`,
        },
        body,
      })
      if (status < 200 || status > 299) throw new SmsRefused(`http-${status}`)
    },
  }
}
