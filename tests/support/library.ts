/** What a program can name, call and read of a module, as TypeScript's own checker sees it. */
import { relative } from "node:path";
import ts from "typescript";

export interface LibraryGaps {
  /** Every exported name. */
  names: string[];
  /** Exports without a documentation comment, and `Name.member` of what a program touches. */
  undocumented: string[];
  /** Functions and methods whose result comes later, and that say nothing of errors. */
  withoutThrows: string[];
  /** `Type, in Export` for types of the folder that an export names and a program cannot. */
  unnamed: string[];
}

/** What later results are of: a promise, a training, a stream. */
const LATER = /^(Promise|PromiseLike|Training|AsyncGenerator|AsyncIterable)\b/;

/**
 * @param folder whose declarations are ours: those of packages and of the language are not asked
 * about
 */
export function readLibrary(
  index: string,
  folder: string,
  options: ts.CompilerOptions,
): LibraryGaps {
  const program = ts.createProgram([index], { ...options, noEmit: true, incremental: false });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(index)!)!;
  const exports = checker.getExportsOfModule(module);
  const walk = new Walk(checker, folder, exports);
  for (const each of exports) walk.visitExport(each);
  return {
    names: exports.map(({ name }) => name),
    undocumented: [...walk.undocumented],
    withoutThrows: [...walk.withoutThrows],
    unnamed: [...walk.unnamed],
  };
}

class Walk {
  readonly undocumented = new Set<string>();
  readonly withoutThrows = new Set<string>();
  readonly unnamed = new Set<string>();
  private readonly nameable: ReadonlySet<ts.Symbol>;
  private readonly checker: ts.TypeChecker;
  private readonly folder: string;
  /** A member that several types share is asked about once, where it is declared. */
  private readonly seen = new Set<ts.Node>();

  constructor(checker: ts.TypeChecker, folder: string, exports: readonly ts.Symbol[]) {
    this.checker = checker;
    this.folder = folder;
    this.nameable = new Set(exports.map((each) => this.resolve(each)));
  }

  visitExport(entry: ts.Symbol): void {
    const symbol = this.resolve(entry);
    this.checkComment(symbol, entry.name);
    const declarations = symbol.declarations ?? [];
    // members first, for the name that they are told by
    if (declarations.some(isTypeDeclaration))
      this.visitMembers(this.checker.getDeclaredTypeOfSymbol(symbol), entry.name);
    for (const declaration of declarations) {
      this.visitSignature(declaration, entry.name);
      this.checkThrows(symbol, declaration, entry.name);
    }
  }

  /** Properties and methods of ours, inherited ones and those picked from other types too. */
  private visitMembers(type: ts.Type, owner: string): void {
    if (type.isUnionOrIntersection())
      return type.types.forEach((part) => this.visitMembers(part, owner));
    for (const member of type.getProperties()) {
      const declaration = memberDeclaration(member);
      if (!declaration || !this.isOurs(declaration) || this.seen.has(declaration)) continue;
      this.seen.add(declaration);
      const name = `${ownerOf(declaration) ?? owner}.${member.name}`;
      if (!this.isDiscriminant(declaration)) this.checkComment(member, name);
      this.checkThrows(member, declaration, name);
      this.visitSignature(declaration, name);
    }
  }

  /** The types that a declaration names, and the members of type literals in it. */
  private visitSignature(node: ts.Node, owner: string): void {
    if (ts.isBlock(node) || isHidden(node)) return;
    if (ts.isTypeLiteralNode(node)) this.visitMembers(this.checker.getTypeAtLocation(node), owner);
    if (ts.isTypeReferenceNode(node)) this.checkNamed(node.typeName, owner);
    if (ts.isExpressionWithTypeArguments(node)) this.checkNamed(node.expression, owner);
    ts.forEachChild(node, (child) => {
      // of values only functions have a signature: what is set is none
      const isValue = ts.isExpression(child) && !ts.isExpressionWithTypeArguments(child);
      const isBody = ts.isArrowFunction(node) && child === node.body;
      if (!isBody && (!isValue || ts.isArrowFunction(child))) this.visitSignature(child, owner);
    });
  }

  private checkNamed(node: ts.Node, owner: string): void {
    const found = this.checker.getSymbolAtLocation(node);
    const symbol = found && this.resolve(found);
    const declaration = symbol?.declarations?.[0];
    if (!declaration || !this.isOurs(declaration) || this.nameable.has(symbol)) return;
    if (!ts.isTypeParameterDeclaration(declaration))
      this.unnamed.add(`${symbol.name}, in ${owner}`);
  }

  private checkComment(symbol: ts.Symbol, name: string): void {
    const comment = ts.displayPartsToString(symbol.getDocumentationComment(this.checker));
    if (comment.trim() === "") this.undocumented.add(name);
  }

  /** What comes later may fail; giving something back (`close`, `release`) is no call that does. */
  private checkThrows(symbol: ts.Symbol, declaration: ts.Declaration, name: string): void {
    const isHeld = ts.isPropertySignature(declaration) || isTypeDeclaration(declaration);
    if (isHeld || symbol.name === "close" || symbol.name === "release") return;
    const type = this.checker.getTypeOfSymbolAtLocation(symbol, declaration);
    const isLater = type
      .getCallSignatures()
      .some((each) => LATER.test(this.checker.typeToString(each.getReturnType())));
    const tags = symbol.getJsDocTags(this.checker).map((tag) => tag.name);
    if (isLater && !tags.includes("throws")) this.withoutThrows.add(name);
  }

  /** `kind: "prompt"` says itself what it is. */
  private isDiscriminant(node: ts.Declaration): boolean {
    if (!ts.isPropertySignature(node) || !node.type) return false;
    const { flags } = this.checker.getTypeFromTypeNode(node.type);
    return (flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.TypeParameter)) !== 0;
  }

  private resolve(symbol: ts.Symbol): ts.Symbol {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return isAlias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  private isOurs(node: ts.Node): boolean {
    const path = relative(this.folder, node.getSourceFile().fileName);
    return !path.startsWith("..") && !path.includes("node_modules");
  }
}

const isTypeDeclaration = (node: ts.Node): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node);

/** Private, protected, or `#name`. */
function isHidden(node: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  const hiding: readonly ts.SyntaxKind[] = [
    ts.SyntaxKind.PrivateKeyword,
    ts.SyntaxKind.ProtectedKeyword,
  ];
  if (modifiers.some(({ kind }) => hiding.includes(kind))) return true;
  return (
    (ts.isPropertyDeclaration(node) || ts.isMethodDeclaration(node)) &&
    ts.isPrivateIdentifier(node.name)
  );
}

/** The declaration of a public member that is written as one, and is no result of a mapped type. */
function memberDeclaration(member: ts.Symbol): ts.Declaration | undefined {
  const declaration = member.valueDeclaration ?? member.declarations?.[0];
  if (!declaration || isHidden(declaration)) return undefined;
  const isMember =
    ts.isPropertySignature(declaration) ||
    ts.isMethodSignature(declaration) ||
    ts.isPropertyDeclaration(declaration) ||
    ts.isMethodDeclaration(declaration) ||
    ts.isAccessor(declaration);
  return isMember ? declaration : undefined;
}

/** Name of the interface or class that a member stands in. */
function ownerOf({ parent }: ts.Declaration): string | undefined {
  return ts.isInterfaceDeclaration(parent) || ts.isClassDeclaration(parent)
    ? parent.name?.text
    : undefined;
}
