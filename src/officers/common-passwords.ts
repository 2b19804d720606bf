/**
 * Of what the passwords consist that are tried first, from the lists of passwords that leaked: English and Chinese
 * (pinyin) ones. Lists of whole passwords hold hardly any of fifteen characters, so it is their parts that count here.
 * Longest first, so that the long ones are taken out whole.
 */
export const COMMON_WORDS: readonly string[] = `
correcthorsebatterystaple thequickbrownfox letmeinplease trustnoone iloveyou woaini
password passwort passw0rd passphrase secret geheim default changeme welcome willkommen letmein login signin admin
administrator root superuser user username guest test testing tester demo example sample temp temporary
qwertz qwerty azerty asdfgh zxcvbn qazwsx abcdef abc master monkey dragon shadow sunshine princess football baseball
basketball superman batman starwars pokemon michael jordan jessica ashley charlie daniel thomas robert jennifer
hello world hallo freedom whatever nothing forever cheese coffee summer winter spring autumn monday tuesday
wednesday thursday friday saturday sunday january february march april june july august september october november
december google facebook twitter amazon apple microsoft windows samsung android iphone internet computer server
company business office shop store online website security secure privacy consent compliance auditor audit analyst
operator merchandiser officer weir gateway data access account manager manage system
correct horse battery staple quick brown lazy jumps over please open sesame god jesus christ angel lovely love
baby sweet heart flower rose lily happy lucky money music killer hunter soccer hockey tiger lion panda
zhongguo beijing shanghai shenzhen woaiwojia woshishui mima denglu guanliyuan nihao xiexie gongsi tianxia
china asdf qwer zxcv wasd aaaa love you and the this that is my your our new old one two three
`
  .split(/\s+/)
  .filter((word) => word !== '')
  .toSorted((a, b) => b.length - a.length)
