import type { Language } from '../rights/request.ts'

/** The mail with a code to sign in with. It says nothing about anybody. */
export function codeMail(
  code: string,
  language: Language,
  shop: string,
): { readonly subject: string; readonly text: string } {
  return language === 'zh-CN'
    ? {
        subject: `${shop}：隐私中心登录验证码`,
        text: `您正在登录 ${shop} 的隐私中心，验证码：\n\n${code}\n\n请在请求验证码的页面输入，15 分钟内有效。请勿告诉任何人，我们不会向您索取。\n\n如果不是您本人，请忽略本邮件：没有验证码，任何人都看不到您的信息。`,
      }
    : {
        subject: `${shop}: your code for the privacy centre`,
        text: `Your code to sign in to the privacy centre of ${shop}:\n\n${code}\n\nType it on the page where you asked for it. It is good for 15 minutes. Tell it to nobody: we never ask for it.\n\nIf it was not you, do nothing: without the code nobody sees anything about you.`,
      }
}

/** The same in one line of an SMS. */
export function codeText(code: string, language: Language, shop: string): string {
  return language === 'zh-CN'
    ? `${shop}：验证码 ${code}，用于登录隐私中心，15 分钟内有效。切勿告诉他人。`
    : `${shop}: ${code} signs you in to the privacy centre, for 15 minutes. Tell it to nobody.`
}
