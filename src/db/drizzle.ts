import { createRequire } from 'node:module'

// The CommonJS build: for each of the 70 modules of the other one Node parses the package's 180 KB package.json anew,
// which made every command wait for a second (Node 24.21; `require` takes 0.1 s).
const require = createRequire(import.meta.url)

export const orm: typeof import('drizzle-orm') = require('drizzle-orm')
export const pgCore: typeof import('drizzle-orm/pg-core') = require('drizzle-orm/pg-core')
export const nodePostgres: typeof import('drizzle-orm/node-postgres') = require('drizzle-orm/node-postgres')
export const migrator: typeof import('drizzle-orm/migrator') = require('drizzle-orm/migrator')
export const nodePostgresMigrator: typeof import('drizzle-orm/node-postgres/migrator') = require('drizzle-orm/node-postgres/migrator')
