import { makeOfficer, type Officer, signIn, type Weir } from './officers.ts'

/** Two officers let a plan run past its fuse. @returns what `--lift-fuse` takes */
export async function approvedFuse(weir: Weir, plan: string): Promise<string> {
  const [asker, approver] = [await makeOfficer(weir, 'compliance'), await makeOfficer(weir, 'auditor')]
  return approveFuse(weir, { asker, approver }, plan)
}

/** The same with officers that there are. Neither has used a code within the last minute. */
export async function approveFuse(
  weir: Pick<Weir, 'url'>,
  { asker, approver }: { readonly asker: Officer; readonly approver: Officer },
  plan: string,
): Promise<string> {
  const request = { kind: 'retention-fuse', plan, caseId: 'OPS-1', reason: 'an old shop was taken over', minutes: 15 }
  const asked = await (await signIn(weir, asker)).call('POST', '/api/disclosures', request)
  const id = String(asked.body.id)
  const browser = await signIn(weir, approver)
  const { status, text } = await browser.call('POST', `/api/disclosures/${id}/approval`, {
    totp: approver.code(Date.now(), 1),
  })
  if (status !== 200) throw new Error(`the approval was answered ${status} ${text}`)
  return id
}
