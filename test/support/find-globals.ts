import ts from 'typescript'

export type GlobalUse = 'environment' | 'console'

/** Where a source text uses process.env, or writes to the console; text and comments do not count. */
export function findGlobals(text: string): GlobalUse[] {
  const found: GlobalUse[] = []
  const file = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true)
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      if (node.text === 'console' && !isNameOfMember(node)) found.push('console')
      if (node.text === 'process' && !isDeclared(node)) found.push(...usesOfProcess(node))
    }
    node.forEachChild(visit)
  }
  visit(file)
  return found
}

/** `process.cwd()` is fine; `process` handed on as a whole could be read anywhere. */
function usesOfProcess(node: ts.Identifier): GlobalUse[] {
  const member =
    ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node ? node.parent.name.text : ''
  if (member === 'stdout' || member === 'stderr') return ['console']
  return member === '' || member === 'env' ? ['environment'] : []
}

/** `x.console`, `{ console: … }` and the like. */
function isNameOfMember(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node && parent.expression.getText() !== 'globalThis'
  return ts.isPropertyAssignment(parent) && parent.name === node
}

/** A parameter, variable, property or type of this name is no global, nor is what a function of that name is called with. */
function isDeclared(node: ts.Identifier): boolean {
  const { parent } = node
  if (isNameOfMember(node) || ts.isParameter(parent) || ts.isPropertySignature(parent)) return true
  if (ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent)) return true
  return ts.isCallExpression(parent) && parent.expression === node
}
