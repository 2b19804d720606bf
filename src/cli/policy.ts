import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { isPurpose, maskOf, PURPOSES, type Purpose, type PurposeMask } from '../event/purpose.ts'
import type { Change } from '../policy/counterfactual.ts'
import { type Explanation, explain, findRule } from '../policy/explain.ts'
import { loadPolicy, PolicyRefused } from '../policy/load.ts'
import { nearMatches } from '../policy/near-match.ts'
import { problemLine } from '../policy/read.ts'
import { registerLinkability } from './linkability.ts'
import { answer, type CommonOptions, example } from './output.ts'

interface PolicyOptions extends CommonOptions {
  readonly file?: string
}

interface ExplainOptions extends PolicyOptions {
  readonly grant?: string
  readonly refuse?: string
  readonly signal?: string
}

const EXPLAIN_CODES =
  '\nExit code: 0 explained; 1 the policy does not list the event (said all the same), or cannot be loaded; 2 bad usage.'

export function register(command: Command): void {
  command
    .command('check')
    .description('prove the policy against its laws; exit code 1 and every problem with its line where it fails')
    .option('--file <path>', 'a policy file, or a directory with one (default: WEIR_POLICY_DIR)')
    .addHelpText('after', example('npm run -s weir -- policy check --file policies/shop.policy.yaml'))
    .action(check)
  command
    .command('explain')
    .description('what becomes of an event under given choices, and the smallest choice that would change it')
    .argument('<event>', 'the name of a tracked event, or identify, page, screen, group, alias')
    .option('--grant <purposes>', `purposes that were granted, with commas: ${PURPOSES.join(',')}`)
    .option('--refuse <purposes>', 'purposes that were refused or withdrawn')
    .option('--signal <purposes>', 'purposes that a signal with the message refuses')
    .option('--file <path>', 'a policy file, or a directory with one (default: WEIR_POLICY_DIR)')
    .addHelpText('after', EXPLAIN_CODES)
    .addHelpText('after', example('npm run -s weir -- policy explain "Order Completed" --grant personalisation'))
    .action(explainEvent)
  registerLinkability(command)
}

async function check(options: PolicyOptions): Promise<void> {
  try {
    const { file, policy } = await loadPolicy(policyPath(options))
    const { name, fingerprint, effective, laws, eventList, destinations } = policy
    const summary = { ok: true, file, policy: name, fingerprint, effective, laws, problems: [] }
    const counts = `events: ${eventList.length}, destinations: ${destinations.length}, laws: ${laws.join(', ')}`
    answer(options, summary, `${file}: ${name} holds (${counts}, fingerprint: ${fingerprint})`)
  } catch (error) {
    if (!(error instanceof PolicyRefused)) throw error
    const { file, problems } = error
    process.exitCode = 1
    answer(options, { ok: false, file, problems }, problems.map((problem) => problemLine(file, problem)).join('\n'))
  }
}

async function explainEvent(event: string, options: ExplainOptions): Promise<void> {
  const masks = {
    granted: purposeMask('--grant', options.grant),
    refused: purposeMask('--refuse', options.refuse),
    narrowed: purposeMask('--signal', options.signal),
  }
  const { policy } = await loadPolicy(policyPath(options)).catch((cause: unknown) => {
    // The policy is what fails here, not the command's usage.
    throw cause instanceof PolicyRefused ? new AppError('conflict', cause.message, { code: cause.code, cause }) : cause
  })
  const explanation = explain(policy, { event, ...masks })
  if (findRule(policy, event) !== undefined) {
    answer(options, explanation, wording(explanation))
    return
  }
  process.exitCode = 1
  const near = nearMatches(
    event,
    policy.eventList.map(({ name }) => name),
  )
  const meant = near.length === 0 ? '' : `\n  did you mean ${near.map((name) => `"${name}"`).join(', ')}?`
  answer(options, { ...explanation, near }, `${wording(explanation)}${meant}`)
}

function policyPath(options: PolicyOptions): string {
  return options.file ?? readConfig().config.policyDir
}

function purposeMask(option: string, list: string | undefined): PurposeMask {
  const names = (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const known = names.filter((name): name is Purpose => isPurpose(name))
  if (known.length === names.length) return maskOf(known)
  throw new AppError('invalid', `${option} takes purposes, with commas: ${PURPOSES.join(', ')}`)
}

function wording(explanation: Explanation): string {
  const { event, outcome, reason, policy, destinations, fields, wouldPermit, wouldRefuse } = explanation
  const because = reason === undefined ? '' : ` (${reason})`
  const lines = [`${event}: ${outcome}${because}, policy ${policy.name} ${policy.fingerprint}`]
  for (const to of destinations) {
    lines.push(`  ${to.destination}: ${to.permitted ? 'permitted' : 'refused'}, for ${to.purpose}`)
    for (const clause of to.clauses) lines.push(`    line ${clause.line}: ${clause.says}`)
    lines.push(`    ${to.permitted ? 'receives' : 'would receive'} ${to.fields.join(', ')}`)
  }
  if (fields.removed.length > 0) lines.push(`  removed: ${fields.removed.join(', ')}`)
  if (wouldPermit !== undefined) lines.push(`  would permit: ${changeWording(wouldPermit)}`)
  if (wouldRefuse !== undefined) lines.push(`  would refuse: ${changeWording(wouldRefuse)}`)
  return lines.join('\n')
}

function changeWording({ choices, destinations }: Change): string {
  return `${choices.map(({ act, purpose }) => `${act} ${purpose}`).join(' and ')} (${destinations.join(', ')})`
}
