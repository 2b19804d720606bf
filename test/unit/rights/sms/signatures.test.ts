import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { signAcs3 } from '../../../../src/rights/sms/aliyun.ts'
import { signTc3 } from '../../../../src/rights/sms/tencent.ts'

test('Aliyun’s signature V3 gives what its documentation gives for fixed parameters', () => {
  // help.aliyun.com, "V3 版本请求体&签名机制", 固定参数示例
  const signed = signAcs3({
    method: 'POST',
    path: '/',
    query: { RegionId: 'cn-shanghai', ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd' },
    headers: {
      host: 'ecs.cn-shanghai.aliyuncs.com',
      'x-acs-action': 'RunInstances',
      'x-acs-content-sha256': createHash('sha256').digest('hex'),
      'x-acs-date': '2023-10-26T10:22:32Z',
      'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
      'x-acs-version': '2014-05-26',
      accept: 'application/json',
    },
    accessKeyId: 'YourAccessKeyId',
    accessKeySecret: 'YourAccessKeySecret',
  })
  expect(signed).toBe(
    'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;' +
      'x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
  )
})

// cloud.tencent.com, "签名方法 v3": the same request in its edition with a key that ends in EXAMPLE, and in the masked one.
test.each([
  ['EXAMPLE', '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168'],
  ['*******', '2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c'],
])('Tencent Cloud’s TC3 gives what its documentation gives with the key ending in %s', (end, signature) => {
  const signed = signTc3({
    service: 'cvm',
    headers: { 'content-type': 'application/json; charset=utf-8', host: 'cvm.tencentcloudapi.com' },
    body: '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
    timestamp: 1_551_113_065,
    secretId: `AKIDz8krbsJ5yKBZQpn74WFkmLPx3${end}`,
    secretKey: `Gu5t9xGARNpq86cd98joQYCN3${end}`,
  })
  expect(signed).toBe(
    `TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3${end}/2019-02-25/cvm/tc3_request, ` +
      `SignedHeaders=content-type;host, Signature=${signature}`,
  )
})
