import { z } from 'zod'

const part = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/, 'write base64url')

const credential = {
  id: part(1_400),
  rawId: part(1_400),
  type: z.literal('public-key'),
  authenticatorAttachment: z.string().max(32).nullish(),
  /** Of extensions that nobody asked for: taken and left alone. */
  clientExtensionResults: z.record(z.string().max(64), z.unknown()).optional(),
}

/** `PublicKeyCredential.toJSON()` after `navigator.credentials.get()` (WebAuthn Level 3 §5.1). */
export const assertionSchema = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: part(4_096),
      authenticatorData: part(4_096),
      signature: part(2_048),
      userHandle: part(256).nullish(),
      attestationObject: part(16_384).nullish(),
    }),
  })
  .transform(({ id, rawId, type, response: { clientDataJSON, authenticatorData, signature } }) => ({
    id,
    rawId,
    type,
    clientExtensionResults: {},
    response: { clientDataJSON, authenticatorData, signature },
  }))
  .describe('What `navigator.credentials.get()` gave, as its toJSON() writes it.')

const transport = z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])

/** `PublicKeyCredential.toJSON()` after `navigator.credentials.create()`. */
export const registrationSchema = z
  .strictObject({
    ...credential,
    response: z.strictObject({
      clientDataJSON: part(4_096),
      attestationObject: part(65_536),
      authenticatorData: part(8_192).nullish(),
      transports: z.array(z.string().max(32)).max(16).optional(),
      publicKey: part(8_192).nullish(),
      publicKeyAlgorithm: z.int().optional(),
    }),
  })
  .transform(({ id, rawId, type, response: { clientDataJSON, attestationObject, transports = [] } }) => ({
    id,
    rawId,
    type,
    clientExtensionResults: {},
    response: {
      clientDataJSON,
      attestationObject,
      transports: transports.filter((one) => transport.safeParse(one).success),
    },
  }))
  .describe('What `navigator.credentials.create()` gave, as its toJSON() writes it.')

/** Options for the browser, as `parseRequestOptionsFromJSON` and `parseCreationOptionsFromJSON` read them. */
export const optionsSchema = z
  .record(z.string(), z.unknown())
  .describe('For PublicKeyCredential.parse…OptionsFromJSON.')
