/**
 * Which language a text is in: by its script, and within a script by letters and by frequent short
 * words. For answers of a sentence and more in one of IFEval's languages and their neighbours.
 *
 * Why not a library: langdetect, which IFEval asks, has no port with its profiles below a megabyte,
 * and says another thing each time (docs/decisions/behaviour-measures.md). How often the two agree
 * is in docs/results.md.
 */

/** Scripts of which a language is told at once. */
const SCRIPTS: readonly (readonly [language: string, letters: RegExp])[] = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ["ko", /\p{Script=Hangul}/gu],
  ["zh", /\p{Script=Han}/gu],
  ["he", /\p{Script=Hebrew}/gu],
  ["th", /\p{Script=Thai}/gu],
  ["ta", /\p{Script=Tamil}/gu],
  ["te", /\p{Script=Telugu}/gu],
  ["kn", /\p{Script=Kannada}/gu],
  ["gu", /\p{Script=Gujarati}/gu],
  ["pa", /\p{Script=Gurmukhi}/gu],
  ["ml", /\p{Script=Malayalam}/gu],
  ["bn", /\p{Script=Bengali}/gu],
  ["el", /\p{Script=Greek}/gu],
  ["Latin", /\p{Script=Latin}/gu],
  ["Cyrillic", /\p{Script=Cyrillic}/gu],
  ["Arabic", /\p{Script=Arabic}/gu],
  ["Devanagari", /\p{Script=Devanagari}/gu],
];

interface Signs {
  /** Frequent short words. */
  words: string;
  /** Letters that its neighbours do not have. */
  letters?: RegExp;
}

const LATIN: Readonly<Record<string, Signs>> = {
  en: {
    words:
      "the of and to in is that it was for on are with as his they be at this have from or had by " +
      "not but what were we when your can there use an each which she do how their if will up about " +
      "you i my me he would could should has been more who its than so these some no",
  },
  es: {
    words:
      "de la que el en y los se del las un por con una su para es al lo como más o pero sus le ha me " +
      "sin sobre este ya entre cuando todo esta ser son dos también fue había era muy hasta desde " +
      "nos está puede qué no yo mi tu hay porque",
    letters: /[ñ¿¡]/gu,
  },
  pt: {
    words:
      "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele " +
      "das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre " +
      "era depois sem mesmo aos ter seus você são pode",
    letters: /[ãõ]/gu,
  },
  fr: {
    words:
      "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont " +
      "la avec ou son mais comme on tout nous sa aux cette ses vous être je elle fait deux même leur " +
      "peut c'est était aussi bien sans très d'un d'une j'ai n'est qu'il",
    letters: /[œùû]/gu,
  },
  de: {
    words:
      "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an " +
      "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war " +
      "haben nur oder aber vor zur bis mehr durch man ich du wir kann",
    letters: /ß|sch|ung(?!\p{L})/gu,
  },
  it: {
    words:
      "di e il la che in a per un del è della non sono una i le da con si dei nel al come più ha lo " +
      "gli delle alla anche ma o se nella su questo suo quando essere dal molto ci era stato dalla " +
      "sua perché tutti dell' l'arte io mi tu cosa può hanno",
    letters: /[ìò]/gu,
  },
  nl: {
    words:
      "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit " +
      "nog naar heeft worden wordt deze door over ze hij ik je we kan meer hun wat werd geen",
  },
  pl: {
    words:
      "w i na się z nie do to że jest o jak a po co ale od tak za przez jego są dla by może tylko " +
      "już było być lub oraz który która które tego tym ich czy można także",
    letters: /[łąęśżźćń]/gu,
  },
  cs: {
    words: "a je v se na že s z do o i to jako ale by pro tak po jsou který která nebo ve jeho má",
    letters: /[řěů]/gu,
  },
  fi: {
    words:
      "ja on ei se että oli hän joka mutta myös kun ovat niin tai kuin sen mukaan jos voi ole jo " +
      "vain nyt mitä tämä minä sinä hänen kanssa olla sekä noin ollut näin siitä",
    letters: /ää|yö|öi|aa|ii|uu/gu,
  },
  sv: {
    words:
      "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi " +
      "så kan när eller under också efter man nu där vara",
    letters: /å/gu,
  },
  da: {
    words:
      "og i at det er en til på som for med der den de af ikke et har han om var jeg men sig ved " +
      "fra kan vi så også eller efter skal hvor når være mere blev",
    letters: /[æø]/gu,
  },
  no: {
    words:
      "og i det er på som en til å for med av at den ikke de har et om var jeg men seg ved fra kan vi " +
      "så også eller etter skal hvor når være mer ble hun",
    letters: /[æø]/gu,
  },
  tr: {
    words:
      "ve bir bu da de için ile çok olarak daha olan gibi en ne ama var kadar sonra o ben değil " +
      "her ki veya mi bunu ise göre",
    letters: /[ğışİ]/gu,
  },
  ro: {
    words: "de și în a la cu nu o pe că din care mai este pentru un se sunt ca al sau au fost prin",
    letters: /[șțăţş]/gu,
  },
  hu: {
    words: "a az és hogy nem is egy meg de ez van volt csak mint már még ha vagy ki el lehet",
    letters: /[őű]/gu,
  },
  id: {
    words:
      "yang dan di dengan untuk ini itu dari dalam tidak akan pada juga ke karena ada mereka " +
      "sudah saya kita bisa oleh atau adalah sebagai dapat lebih",
  },
  vi: {
    words:
      "và của là có không trong được cho một người những với các để đã này khi tôi như đến cũng " +
      "về thì ra nhiều bạn rất nó vào sẽ hay làm",
    letters: /[đơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]/gu,
  },
  sw: {
    words:
      "ya na wa kwa ni katika za kuwa la cha hii hiyo yake wake lakini kama au watu pia huu hilo sana " +
      "moja kwamba hivyo ambao ambayo wao yao mimi wewe sisi bila zaidi hadi vya vile",
  },
};
const CYRILLIC: Readonly<Record<string, Signs>> = {
  ru: {
    words:
      "и в не на я что он с как это по но из у за от так о же вы для мы к или бы если его только " +
      "был быть все они она когда",
    letters: /[ыэё]/gu,
  },
  uk: {
    words: "і в не на що з та це до як за його але для або у від про які є щоб мене ми він вона",
    letters: /[іїєґ]/gu,
  },
  bg: {
    words: "и на да се в за не от с е са по като че това ще до към който или при си го след тя той",
    letters: /ъ/gu,
  },
};
const ARABIC: Readonly<Record<string, Signs>> = {
  ar: {
    words: "في من على إلى أن التي الذي هذا هذه عن ما لا كان كما بعد قد مع هو هي أو لم ثم بين كل",
    letters: /[ةىأإ]/gu,
  },
  fa: {
    words: "در به از که این را با است برای آن یک می و تا خود بر هم نیز های شود کرد دارد ما اگر یا",
    letters: /[گچپژ]/gu,
  },
  ur: {
    words: "کے کی میں ہے اور سے کا کو نے یہ پر ہیں کہ اس بھی تھا نہیں ایک جو کر ہو تو ان آپ یا لیے",
    letters: /[ٹڈڑںےہھ]/gu,
  },
};
const DEVANAGARI: Readonly<Record<string, Signs>> = {
  hi: {
    words: "के में है की और से का को पर यह हैं कि एक नहीं भी था ने जो हो कर तो लिए इस वह ही या थे आप",
  },
  mr: {
    words: "आहे आणि या मध्ये होते तो हे ते आहेत एक नाही की त्या हा मी साठी पण ती असे केले करून किंवा",
    letters: /ळ/gu,
  },
  ne: {
    words: "छ र को मा हो लागि छन् यो पनि एक भने गर्न गरेको हुन् थियो तथा वा गर्ने हुन्छ गरी अनि म",
    letters: /(?:हरू|हरु|छन्)/gu,
  },
};
const FAMILIES: Readonly<Record<string, Readonly<Record<string, Signs>>>> = {
  Latin: LATIN,
  Cyrillic: CYRILLIC,
  Arabic: ARABIC,
  Devanagari: DEVANAGARI,
};

/** Languages that are told apart, by their ISO 639-1 codes. */
export const LANGUAGES: ReadonlySet<string> = new Set([
  ...SCRIPTS.flatMap(([name]) => (Object.hasOwn(FAMILIES, name) ? [] : [name])),
  ...Object.values(FAMILIES).flatMap(Object.keys),
]);

const occurrences = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** The code of the language of most of a text; undefined where no letter or word tells. */
export function languageOf(text: string): string | undefined {
  const counts = SCRIPTS.map(([name, letters]) => ({ name, count: occurrences(text, letters) }));
  const most = counts.reduce((best, each) => (each.count > best.count ? each : best));
  if (most.count === 0) return undefined;
  const kana = counts[0]!.count;
  const script = most.name === "zh" && kana * 10 > most.count ? "ja" : most.name;
  const family = FAMILIES[script];
  return family === undefined ? script : nearestOf(text.toLowerCase(), family);
}

/** Letters that only one of a family has tell more than a word that several share. */
const LETTER_WEIGHT = 0.5;

function nearestOf(text: string, family: Readonly<Record<string, Signs>>): string | undefined {
  const words = text.replaceAll("’", "'").match(/[\p{L}\p{M}']+/gu) ?? [];
  const scores = Object.entries(family).map(([language, signs]) => {
    const frequent = new Set(signs.words.split(" "));
    const found = words.filter((word) => frequent.has(word)).length;
    const letters = signs.letters === undefined ? 0 : occurrences(text, signs.letters);
    return { language, score: found + LETTER_WEIGHT * Math.min(letters, words.length) };
  });
  const best = scores.reduce((most, each) => (each.score > most.score ? each : most));
  return best.score > 0 ? best.language : undefined;
}
