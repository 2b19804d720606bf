import type { Tx } from '../db/pool.ts'
import type { Module } from '../modules/module.ts'

/** A module works under its own role: it can touch its own schema and nothing else. */
export async function asModule<T>(tx: Tx, module: Pick<Module, 'name'>, work: () => Promise<T>): Promise<T> {
  await tx.$client.query(become(module))
  const result = await work()
  await tx.$client.query('reset role')
  return result
}

/** The statement that takes on a module's role to the end of the transaction. */
export function become(module: Pick<Module, 'name'>): string {
  return `set local role weir_${module.name}`
}
