import pg from 'pg'

export interface RolePasswords {
  readonly owner: string
  readonly app: string
}

/**
 * Makes, where they are missing, the two login roles and the database `weir`: weir_owner owns everything and may make
 * roles for modules; weir_app takes on those roles one at a time and inherits none of them.
 */
export async function createRolesAndDatabase(superuserUrl: string, passwords: RolePasswords): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl, application_name: 'weir-roles' })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [ROLES_LOCK]) // two starts at once; freed with the connection
    await createRole(client, 'weir_owner', `login createrole password ${client.escapeLiteral(passwords.owner)}`)
    await createRole(client, 'weir_app', `login noinherit password ${client.escapeLiteral(passwords.app)}`)
    await client.query('grant weir_app to weir_owner with admin option')
    await client.query('grant pg_monitor to weir_owner') // an operator may see what the server does, in statistics and activity
    const { rowCount } = await client.query(`select 1 from pg_database where datname = 'weir'`)
    if (rowCount === 0) await client.query('create database weir owner weir_owner')
  } finally {
    await client.end()
  }
}

const ROLES_LOCK = 0x726f6c65 // "role"

async function createRole(client: pg.Client, name: string, attributes: string): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [name])
  if (rowCount === 0) await client.query(`create role ${name} ${attributes}`)
}
