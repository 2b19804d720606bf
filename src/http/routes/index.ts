import type { HttpDeps } from '../deps.ts'
import { approveDisclosure, refuseDisclosure } from './approvals.ts'
import { addCosts, readCredit } from './attribution.ts'
import { auditEntries, auditExport } from './audit-entries.ts'
import { auditSearch, auditStatistics, ownAccesses } from './audit-people.ts'
import { auditCheckpoint, auditCheckpoints, auditProof, decisionProof } from './audit-proofs.ts'
import { auditSample } from './audit-sample.ts'
import { askNewAuthenticator, ownAuthenticators, registerAuthenticator, removeAuthenticator } from './authenticators.ts'
import { readConsent, recordConsent } from './consent.ts'
import { explainDecision } from './decisions.ts'
import { askDisclosure, listDisclosures, showDisclosure } from './disclosures.ts'
import { readDisclosure, reviewDisclosure } from './disclosures-data.ts'
import { docsPage, openApiDocument } from './docs.ts'
import { exportRoutes } from './exports.ts'
import { frontPage } from './front.ts'
import { gpcStatement } from './gpc-statement.ts'
import { holdRoutes } from './holds.ts'
import { hookRoutes } from './hooks.ts'
import { incidentRoutes } from './incidents.ts'
import { keyHorizon } from './key-horizon.ts'
import { liftRoutes } from './lifts.ts'
import { changeRole, disableOfficer, endSessionsOf, listOfficers } from './officers.ts'
import { opendsrRoutes } from './opendsr.ts'
import { healthz, metrics, readyz } from './operators.ts'
import { changePassword, confirmTotp, newRecoveryCodes, renewTotp } from './own-account.ts'
import { endOwnSession, ownSessions, signOutEverywhere } from './own-sessions.ts'
import { recommendations } from './recommendations.ts'
import { requestRoutes } from './requests.ts'
import { requestQueueRoutes } from './rights-queue.ts'
import type { Route } from './route.ts'
import { askAuthenticator, readSession, signIn, signOut } from './session.ts'
import { segmentSettings } from './settings.ts'
import { rudderSourceConfig } from './source-config.ts'
import { askStepUp, stepUp } from './step-up.ts'
import { addTotals, readTotals } from './totals.ts'
import { wireRoutes } from './wire.ts'

/** Every route there is: the table of contents, and what the documents and the table of roles are made from. */
export function createRoutes(deps: HttpDeps): Route[] {
  const routes: Route[] = [
    ...wireRoutes(),
    ...segmentSettings(deps),
    rudderSourceConfig(deps),
    recordConsent(deps),
    readConsent(deps),
    recommendations(deps),
    explainDecision(deps),
    readTotals(deps),
    addTotals(deps),
    readCredit(deps),
    addCosts(deps),
    auditEntries(deps),
    auditExport(deps),
    auditProof(deps),
    auditCheckpoint(deps),
    auditCheckpoints(deps),
    auditSearch(deps),
    auditStatistics(deps),
    auditSample(deps),
    decisionProof(deps),
    ownAccesses(deps),
    keyHorizon(deps),
    ...officerRoutes(deps),
    ...disclosureRoutes(deps),
    ...incidentRoutes(deps),
    ...requestRoutes(deps),
    ...exportRoutes(deps),
    ...requestQueueRoutes(deps),
    ...liftRoutes(deps),
    ...holdRoutes(deps),
    ...opendsrRoutes(deps),
    ...hookRoutes(deps),
    healthz(),
    readyz(deps),
    metrics(deps),
    gpcStatement(),
    frontPage(),
  ]
  return [...routes, openApiDocument(deps, routes), docsPage(deps, routes)]
}

/** Who is signed in, what proves them, and who may do what. */
function officerRoutes(deps: HttpDeps): Route[] {
  return [
    signIn(deps),
    askAuthenticator(deps),
    readSession(deps),
    signOut(deps),
    stepUp(deps),
    askStepUp(deps),
    ownSessions(deps),
    signOutEverywhere(deps),
    endOwnSession(deps),
    changePassword(deps),
    renewTotp(deps),
    confirmTotp(deps),
    newRecoveryCodes(deps),
    ownAuthenticators(deps),
    askNewAuthenticator(deps),
    registerAuthenticator(deps),
    removeAuthenticator(deps),
    listOfficers(deps),
    changeRole(deps),
    disableOfficer(deps),
    endSessionsOf(deps),
  ]
}

/** What is shown, and done, with another officer's approval only. */
function disclosureRoutes(deps: HttpDeps): Route[] {
  return [
    askDisclosure(deps),
    listDisclosures(deps),
    showDisclosure(deps),
    approveDisclosure(deps),
    refuseDisclosure(deps),
    readDisclosure(deps),
    reviewDisclosure(deps),
  ]
}
