"""Names of people: how they are written, sorted, found by letters, and told apart.

Pure: what a character sounds like and how many strokes it has is passed in. Names are sorted by
strokes as rosters are (first by the surname: number of strokes, then the kind of the first ones)
or by pinyin; they are found by initials, by letters of the whole sound, or by a mixture of both.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

MIDDLE_DOT: Final = "\u00b7"
# What keyboards and other programs write for it; a full stop only between two characters.
_DOTS: Final = re.compile("\\s*[\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff0e\uff65\u16eb\u0387]\\s*")
_CJK: Final = "\u2e80-\u2fdf\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_STOP_IN_NAME: Final = re.compile(rf"(?<=[{_CJK}])\s*[.\u3002]\s*(?=[{_CJK}])")
_GAP_IN_NAME: Final = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])")
_HAN: Final = re.compile(f"[{_CJK}]")
_WORDS: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
# An input method parts the letters that it still composes by apostrophes.
_UNSAID: Final = re.compile(rf"['\u2018\u2019\u02bc\s.{MIDDLE_DOT}-]+")
_LETTERS: Final = re.compile(r"[a-z]+")
# Every reading of a name is tried; a name where each character has many is no name.
_READINGS_MAX: Final = 6

# Surnames that are read otherwise than the character mostly is; the usual readings find them too.
_SURNAMES: Final[Mapping[str, str]] = dict(
    pair.split()
    for pair in (
        "单 shan4,仇 qiu2,区 ou1,解 xie4,曾 zeng1,查 zha1,盖 ge3,种 chong2,乐 yue4,员 yun4,"
        "缪 miao4,朴 piao2,繁 po2,折 she2,秘 bi4,洗 xian3,冼 xian3,尉 wei4,任 ren2,华 hua4,"
        "翟 zhai2,纪 ji3,谌 chen2,覃 qin2,訾 zi1,逄 pang2,佴 nai4,麴 qu1,晁 chao2,宓 mi4,"
        "牟 mu4,隗 wei3,殳 shu1,褚 chu3,燕 yan1,应 ying1,宁 ning4,葛 ge3,令 ling2,召 shao4,"
        "阚 kan4,适 kuo4,句 gou1,钭 tou3,长 zhang3,黑 he4,车 che1,石 shi2,那 na1,过 guo1,"
        "哈 ha3,贾 jia3,卜 bu3,沈 shen3,俞 yu2,沙 sha1,闫 yan2,都 du1,曲 qu1,祭 zhai4,"
        "幺 yao1,能 nai4,教 jiao4,行 xing2,柏 bai3,郝 hao3,郗 xi1,郇 xun2,靓 jing4,肖 xiao1"
    ).split(",")
)
_DOUBLE_SURNAMES: Final[Mapping[str, tuple[str, str]]] = {
    "尉迟": ("yu4", "chi2"),
    "万俟": ("mo4", "qi2"),
    "长孙": ("zhang3", "sun1"),
    "单于": ("chan2", "yu2"),
    "澹台": ("tan2", "tai2"),
    "令狐": ("ling2", "hu2"),
    "鲜于": ("xian1", "yu2"),
    "宰父": ("zai3", "fu3"),
    "亓官": ("qi2", "guan1"),
    "拓跋": ("tuo4", "ba2"),
}
# Surnames in the order of their strokes: how many, then of which kind from the first one on
# (across, down, to the left, dot, bent), as the standard of 1999 has it (GB 13000.1).
_BY_STROKES: Final = (
    "丁卜刁乃刀乜于干才万弋山么广门义弓卫习马幺丰王亓井元韦云五支区尤车巨牙戈水贝牛毛仁仇仉介从公乌凤勾殳卞"
    "文亢方计尹孔巴邓双毋玉甘艾古左厉石龙平东卢帅叶申田由史冉付代仡仫白仝印乐包邝冯兰宁司弘召皮边母匡邢戎吉"
    "巩权成毕师曲吕年朱乔伍伏仲任华仰伊向后全危邬庄刘齐充闫羊关米江汲池汝汤安祁许农那阮孙阳阴牟红纪寿扶贡芮"
    "花苍严劳苏杜巫杞李杨束豆邴来连步肖时吴旷别岑利邱何佟佘余谷邸狄邹况应冷辛闵汪沙沃沈怀宋迟张陆陈邵邰武青"
    "幸苗苟茆苑范茅林松杭郁欧卓尚国昌明易呼罗牧和季竺佶岳佴岱侬金郄周鱼咎冼庞底於郑单法宗空宓郎房居屈孟线终"
    "经封项赵贲郝荆荀荣胡茹柯查相柏柳郦咸贵钟钭钮郜秋段修禹侯须俞郗逄昝饶施闻养姜娄洪宣宦宫祖祝费胥姚贺羿骆"
    "泰秦班敖袁都耿聂莫莘晋桂桓索贾夏原顾柴党晁晏钱候倪徐殷爱奚翁卿凌栾高郭席唐益浦海涂家容宰诸谈展陶姬通能"
    "桑堵黄萧梅曹戚龚盛常鄂崔符麻庾康章阎盖粘梁寇宿谌扈逯屠隗隆巢琴越揭彭揣葛董敬蒋韩植惠覃粟景喻黑智嵇程税"
    "傅焦储舒鲁童曾湛温滑游富禄谢强靳蓝蒯蓟蓬蒲蒙楚裘赖甄雷訾虞路简詹鲍解廉雍阙满慎窦褚慕蔡蔺蔚臧裴管雒廖韶"
    "阚谭禚谯暨翟熊缪撒樊暴墨黎滕颜潘禤燕薛薄融霍冀穆衡璩戴鞠檀魏糜濮蹇瞿酆籍夔"
)
_RANKS: Final[Mapping[str, int]] = {sign: place for place, sign in enumerate(_BY_STROKES)}
_NO_RANK: Final = 999

# Readings of a character with a digit for the tone, the usual one first; and its strokes.
Readings = Callable[[str], Sequence[str]]
Strokes = Callable[[str], int]


class NameKeys(NamedTuple):
    """What a name is found and sorted by; `reading` has `/` between readings of a character."""

    plain: str
    reading: str
    pinyin: str
    strokes: str


def tidy_name(name: str) -> str:
    """A name as it is kept: one kind of middle dot, no gaps between Chinese characters."""
    text = _STOP_IN_NAME.sub(MIDDLE_DOT, _DOTS.sub(MIDDLE_DOT, name.strip()))
    return _GAP_IN_NAME.sub("", text).strip(MIDDLE_DOT)


def plain_name(text: str) -> str:
    """A name, or what is searched for, without all that people leave out."""
    return _UNSAID.sub("", tidy_name(text)).lower()


def key_name(name: str, readings: Readings, strokes: Strokes) -> NameKeys:
    """Work out what a name is found and sorted by."""
    words = _WORDS.findall(name.lower())
    sounds = list(_sounds(words, readings))
    spoken = [[_bare(each) for each in some] for some in sounds]
    return NameKeys(
        plain_name(name),
        " ".join("/".join(dict.fromkeys(_with_u(some))) for some in spoken),
        " ".join(
            f"{some[0]}{strokes(word):02d}{word}" for some, word in zip(sounds, words, strict=True)
        ),
        " ".join(_stroke_part(word, strokes) for word in words),
    )


def _stroke_part(word: str, strokes: Strokes) -> str:
    count = strokes(word) if _HAN.fullmatch(word) else 0
    return f"{count:02d}{_RANKS.get(word, _NO_RANK):03d}"


def _sounds(words: Sequence[str], readings: Readings) -> Iterator[list[str]]:
    own = _DOUBLE_SURNAMES.get("".join(words[:2]), ()) if len(words) > 2 else ()
    for place, word in enumerate(words):
        usual = list(readings(word)) if _HAN.fullmatch(word) else []
        first = own[place] if place < len(own) else ""
        if not first and place == 0:
            first = _SURNAMES.get(word, "")
        found = dict.fromkeys([first, *usual] if first else usual)
        yield list(found)[:_READINGS_MAX] or [word]


def _bare(sound: str) -> str:
    return sound[:-1] if sound[-1:].isdigit() and sound[:-1].isalpha() else sound


def _with_u(spoken: Sequence[str]) -> Iterator[str]:
    """Readings, and those with the letter that many people type for ü."""
    for each in spoken:
        yield each
        if "v" in each and each.isascii():
            yield each.replace("v", "u")


def letters_of(text: str) -> str:
    """The letters by which somebody may be searched for; empty when there are other signs."""
    bare = plain_name(text)
    return bare if _LETTERS.fullmatch(bare) else ""


def sounds_like(reading: str, letters: str) -> bool:
    """Whether letters are initials or whole sounds of characters that stand together: `zsf`,
    `zhangsanf`, `sanfeng` of 张三丰."""
    parts = [each.split("/") for each in reading.split(" ")] if reading else []
    return bool(letters) and any(_fits(parts, at, letters) for at in range(len(parts)))


def _fits(parts: Sequence[Sequence[str]], at: int, letters: str) -> bool:
    if not letters:
        return True
    if at == len(parts):
        return False
    for each in parts[at]:
        if each.startswith(letters):
            return True
        lengths = {1, len(each), 2} if each[1:2] == "h" else {1, len(each)}
        for length in lengths:
            if letters.startswith(each[:length]) and _fits(parts, at + 1, letters[length:]):
                return True
    return False


# ---- people of one name


class Likeness(NamedTuple):
    """What tells people of one name apart: the word for the sex, the date of birth, the number."""

    sex: str
    born_on: str
    staff_no: str


def tell_apart(people: Sequence[Likeness]) -> list[str]:
    """What stands behind the name of each of them: sex and month of birth; where these are not
    known, or are the same, the last digits of the number."""
    marks = [" ".join(filter(None, (each.sex, each.born_on[:7]))) for each in people]
    counts = Counter(marks)
    tails = _tails([each.staff_no for each in people])
    return [
        mark if mark and each.born_on and counts[mark] == 1 else f"{mark} …{tail}".strip()
        for each, mark, tail in zip(people, marks, tails, strict=True)
    ]


def _tails(numbers: Iterable[str]) -> list[str]:
    """The ends of numbers, as long as they have to be to differ: at least four signs."""
    wanted = list(numbers)
    longest = max((len(each) for each in wanted), default=0)
    for length in range(4, longest + 1):
        tails = [each[-length:] for each in wanted]
        if len(set(tails)) == len(set(wanted)):
            return tails
    return wanted
