/** What the tea shop of the demo sells. */
export interface Product {
  readonly id: string
  readonly en: string
  readonly zh: string
  /** In fen, so that sums are exact. */
  readonly price: number
}

/** Things that go together: the first is what people come for, the others are what they take with it. */
export type Kit = readonly [Product, ...Product[]]

const product = (id: string, en: string, zh: string, yuan: number): Product => ({ id, en, zh, price: yuan * 100 })

/** Six kits of four, with how often people come for each. */
export const KITS: readonly (readonly [kit: Kit, weight: number])[] = [
  [
    [
      product('longjing', 'West Lake Longjing', '西湖龙井', 128),
      product('glass-cup', 'Glass tea cup', '玻璃茶杯', 39),
      product('glass-pot', 'Glass teapot', '耐热玻璃壶', 89),
      product('green-sampler', 'Green tea sampler', '绿茶品鉴装', 59),
    ],
    30,
  ],
  [
    [
      product('puer-cake', 'Ripe pu’er cake', '熟普洱茶饼', 168),
      product('puer-knife', 'Pu’er knife', '普洱茶刀', 35),
      product('clay-pot', 'Yixing clay pot', '宜兴紫砂壶', 268),
      product('cake-stand', 'Tea cake stand', '茶饼架', 45),
    ],
    28,
  ],
  [
    [
      product('tieguanyin', 'Tieguanyin oolong', '安溪铁观音', 98),
      product('gaiwan', 'Porcelain gaiwan', '白瓷盖碗', 79),
      product('tasting-cups', 'Six tasting cups', '品茗杯六只', 66),
      product('tea-tray', 'Bamboo tea tray', '竹茶盘', 139),
    ],
    16,
  ],
  [
    [
      product('jasmine', 'Jasmine pearls', '茉莉龙珠', 58),
      product('rose-buds', 'Rose buds', '玫瑰花蕾', 36),
      product('honey', 'Acacia honey', '洋槐蜂蜜', 42),
      product('tumbler', 'Travel tumbler', '随行茶杯', 76),
    ],
    14,
  ],
  [
    [
      product('keemun', 'Keemun black tea', '祁门红茶', 88),
      product('frother', 'Milk frother', '奶泡器', 69),
      product('osmanthus-cake', 'Osmanthus cakes', '桂花糕', 29),
      product('enamel-pot', 'Enamel kettle', '珐琅水壶', 159),
    ],
    10,
  ],
  [
    [
      product('silver-needle', 'Silver Needle white tea', '白毫银针', 218),
      product('gift-box', 'Gift box', '茶叶礼盒', 49),
      product('tin-caddy', 'Tin tea caddy', '锡制茶罐', 86),
      product('tea-towel', 'Tea towel', '茶巾', 19),
    ],
    8,
  ],
]

export const PRODUCTS: readonly Product[] = KITS.flatMap(([kit]) => kit)

/** The name in that language; the id itself for what the shop does not sell. */
export function productName(id: string, lang: 'en' | 'zh'): string {
  return PRODUCTS.find((one) => one.id === id)?.[lang] ?? id
}
