"""What stands before a refusal and what follows it, in twelve languages: patterns read as those of ``refusals``."""

# What may stand before a refusal.
FRONTS = (
    r"(?:i'm |i am |we're |we are )?(?:(?:so |very |really |truly |terribly )*sorry|"
    r"afraid)(?: that)?(?: to say)?(?: about that)?(?: for (?:the|any) [^,.;:]{0,40})?",
    r"(?:i |we )?apologi[sz]e(?: for [^,.;:]*)?|(?:my |our )?(?:sincere )?apologies(?: for [^,.;:]*)?|unfortunately|"
    r"regrettably|sadly|alas|i regret(?: to (?:say|inform you))?(?: that)?",
    r"(?:#+ ?)?(?:final |my |the )?(?:answer|response|result|output|reply|solution)|a|well|honestly|frankly|nope|nah|"
    r"eh+|oh|ah|uh|um+|h+m+|actually|but|however|yet|and|that|so|look|okay|ok|please note(?: that)?|note(?: that)?|no"
    r"|at (?:this|the) (?:time|moment)|currently|at present",
    r"to be (?:honest|frank|fair)(?: with you)?|in all honesty|truthfully|i (?:must|have to) (?:admit|confess|"
    r"say)(?: that)?|let me think|here(?:'s| is) [^.!?:]{0,40}|i (?:find|fear|regret|admit|confess|realize)(?: that)?"
    r"|i think|i feel|it seems(?: that)?|it appears(?: that)?|i believe|i suppose",
    r"i(?:'m| am) going to (?:have to )?say(?: that)?|i(?:'d| would) (?:have to )?say(?: that)?|thank you for (?:your"
    r"|the|asking) ?(?:question)?|thanks for (?:your|the|asking) ?(?:question)?",
    r"as (?:an? )?(?:large |ai |artificial intelligence |advanced )*(?:language |text |virtual |chat)?(?:model|"
    r"assistant|chatbot|bot|ai|artificial intelligence|machine|program)"
    r"(?: [^,.;:]*(?=[,.;:]))?|i(?:'m| am) (?:just |only |merely )?an? (?:large |ai |"
    r"artificial intelligence )*(?:language )?(?:model|assistant|chatbot|ai|artificial intelligence)[^,.;:]*",
    r"(?:as for|as to|regarding|about|concerning|with regard to|with respect to|on|as of|based on|given|from|"
    r"in terms of|when it comes to|without|beyond|apart from|besides|due to|after|despite|since|because|while|"
    r"although|even though|for|in|if)\b [^,.;:?]{1,120}(?=[,:?])",
    r"(?:(?:that|this)(?:'s| is) )?(?:a |an |quite |such |really |very )*(?:good|great|hard|tough|difficult|"
    r"interesting|tricky|excellent|fair|fascinating|specific|obscure|challenging) (?:question|one)(?: for me)?",
    # the question again
    r"(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|can|could|in|on|at|the|an?|"
    r"you)\b[^.!。！]{3,300}\?(?=.*\w)|[^.!。！？]{2,60}的[^.!。！？]{0,40}[?？](?=.*\w)|"
    r"[^.!。！？]{4,100}[吗呢谁么哪几][^.!。！？]{0,40}[?？](?=.*\w)|"
    r"[^.!]{6,200}(?<=[^\x00-\x7f])[^.!]{0,40}[?？؟](?=.*\w)",
    r"i (?:do |only |can |used to )?(?:know|knew|recogni[sz]e|recall|remember|understand|see|am aware|realize|"
    r"appreciate)\b[^.!?]{1,150}?,? but\b",
    r"(?:it|that|this|he|she)(?:'s not| is not| isn't| was not| wasn't| was neither| is neither) [^.!?]{1,80}?,? but\b",
    r"(?:it|that|this)(?:'s| is| sounds| looks)(?: like)? (?:a |an )?(?:very |quite |really )?(?:interesting|good|"
    r"great|hard|tough|difficult|tricky|challenging|obscure|specific|niche)[^.!?,;]{0,40}(?:question|topic|one|"
    r"trivia)[^.!?,;]{0,30}",
    r"对不起|(?:很|非常|十分|真|真的)?抱歉|不好意思|(?:很|非常)?遗憾|老实说|说实话|坦白(?:说|讲)|但是?|可是|不过|目前"
    r"|据我所知|说来惭愧|(?:该|此|这道?)(?:问题|题)[^,，。]{0,15}|您好|你好|感谢您的提问|谢谢(?:您|你)的(?:提问|问题)"
    r"|嗯+|哈哈+|唉|哎呀?|这(?:可|个|题|道题)?|哦|唔|呃|这个嘛|请(?:您)?(?:原谅|谅解|见谅|理解)",
    r"(?:作为|关于|至于|对于|由于|因为|根据|鉴于|截至|就)[^,，。]*|(?:对)?(?:于)?这(?:个|道|一)?问题|"
    r"我(?:只)?是(?:一个|一名)?[^,，。]{0,12}(?:模型|助手|AI|ai|人工智能)[^,，。]{0,10}|恕我(?:直言|孤陋寡闻|"
    r"才疏学浅)?",
    r"bonne question|buena pregunta|(?:ahi )?me (?:has|ha) pillado|gute frage|boa pergunta|bella domanda|"
    r"buona domanda|хороший вопрос|いい質問です(?:ね|が)?|좋은 질문(?:이네요|입니다)?|سؤال (?:جيد|صعب)|"
    r"अच्छा सवाल(?: है)?|question difficile|schwierige frage",
    r"la,? vous me|(?:là|la)\b|n'ayant pas[^,]*|(?:mon|mes) [^,.]{0,40}|sorry|(?:я|мне|я бы)\b",
    r"(?:je suis |toutes mes |mes )?(?:vraiment |sincerement )?(?:desolee?|navree?|excuses?)|pardon|malheureusement|"
    r"en tant qu[^,.;:]*|excusez-moi|franchement|honnetement|a ma connaissance|bonjour|euh|hm+|pour etre honnete|"
    r"a vrai dire",
    r"lo (?:siento|lamento)(?: mucho| muchisimo)?|lamento[^,.;:]*|lamentablemente|desafortunadamente|por desgracia|"
    r"disculp[ae](?:me)?|perdon[ae]?(?:me)?|como (?:un )?(?:modelo|asistente|ia|inteligencia)[^,.;:]*|mis disculpas|"
    r"la verdad(?: es que)?|sinceramente|francamente|que yo sepa|uf",
    r"(?:es )?tut mir (?:sehr )?leid|leider|entschuldig(?:ung|en sie|e)(?: bitte)?|als (?:ki|kunstliche|sprachmodell|"
    r"ai|ein)[^,.;:]*|bedauerlicherweise|ehrlich gesagt|ich bedau?e?re|verzeihung|meines wissens|tja|zu dieser frage|"
    r"dazu",
    r"(?:sinto|lamento|peco)(?: muito| imenso| desculpas?)*|desculp[ae](?:-me)?|infelizmente|como (?:um |"
    r"uma )?(?:modelo|assistente|ia|inteligencia)[^,.;:]*|perdao|sinceramente|para ser sincer[oa]|honestamente|olha|"
    r"lastimo",
    r"mi (?:dispiace|spiace)(?: molto| tanto)?|purtroppo|sfortunatamente|scus(?:a|i|ate)(?:mi)?|in quanto[^,.;:]*|"
    r"come (?:modello|assistente|ia|intelligenza)[^,.;:]*|onestamente|sinceramente|chiedo scusa|perdonami|spiacente|"
    r"a dire il vero|per quanto ne so|beh|mah",
    r"(?:мне )?(?:очень )?жаль|извин(?:и|ите|яюсь)|прости(?:те)?|к сожалению|прошу прощения|как (?:ии|языковая|"
    r"искусственный|большая|ассистент)[^,.;:]*|увы|честно говоря|боюсь|сожалею|насколько (?:мне|я)[^,.;:]*|"
    r"приношу[^,.;:]*|по правде говоря",
    r"(?:عذر[اً]{0,2}|آسف[ةاً]?|أنا آسف[ةاً]?|معذرة|للأسف|مع الأسف|المعذرة|أعتذر|اعتذر|بصراحة|كنموذج[^،,.]*|"
    r"بصفتي[^،,.]*|كوني[^،,.]*|في الحقيقة|في الواقع|حسب علمي|والله|سامحني)",
    r"申し訳(?:ありません|ございません|ない|ないです)(?:が|けど|けれど)?|すみません(?:が|けど)?|ごめんなさい|"
    r"残念(?:ですが|ながら)|恐れ入りますが|恐縮ですが|正直(?:に言うと|なところ|言って)?|うーん|えっと|ええと|AIとして"
    r"|ai(?:言語モデル|アシスタント)?(?:として|である|なので)[^、。]*|私はai[^、。]*|大変|誠に",
    r"죄송(?:합니다|하지만|해요|합니다만|스럽지만)?|미안(?:합니다|하지만|해요)?|안타깝게도|아쉽게도|유감스럽게도|"
    r"저는 (?:ai|인공지능|언어)[^,.]*|ai (?:언어 )?(?:모델|어시스턴트)(?:로서|이기|인)[^,.]*|솔직히(?: 말(?:해서|하면"
    r"|씀드리면))?|글쎄요?|음+|유감이지만|인공지능[^,.]*",
    r"(?:मुझे )?(?:माफ़|माफ|क्षमा)(?: करें| कीजिए| कीजिएगा| करना|ी चाहता हूं| करिए)?(?: लेकिन)?|"
    r"(?:मुझे )?खेद है(?: कि)?|(?:मुझे )?अफ़?सोस है?(?: कि)?|दुर्भाग्य(?:वश|से)|एक (?:एआई|ai|भाषा)[^,।]*|सच कहूं तो|"
    r"ईमानदारी से|क्षमा करें",
)
# A refusal that goes on with one of these, or with "but" and what is no offer, gives an answer after all.
GUESSES = (
    r"(?:maybe|perhaps|possibly)(?! (?:you|someone|somebody|try|ask|check|we|i can|another|there|others?)\b)|probably"
    r"|presumably|most likely|likely",
    r"i(?:'d| would| will|'ll)? (?:still |have to |probably )*(?:think|believe|guess|say|suppose|assume|choose|pick|"
    r"go (?:with|for)|bet|opt for|select|answer|lean towards?|venture|put|vote|take|hazard|settle on)\b"
    r"(?! (?:i|you|this|that this|the question|so)\b(?! (?:is|was)))|i'm (?:guessing|leaning towards?|thinking|"
    r"inclined to (?:say|think))",
    r"my money(?:'s| is) on|there(?:'s| is) no doubt(?: that)?|my (?:best |first |wild |educated )*(?:guess|bet|"
    r"answer|choice|hunch|recollection|memory)(?: is| would be| says| tells me)?|if i (?:had|have) to (?:guess|choose"
    r"|pick|answer|say)|(?:it|that|the answer) (?:might|may|could|must|should)(?: well|"
    r" possibly)? be(?! (?:an? \w+ \w+|that|possible|helpful|useful|worth|because|due|best|found|available|in|on|"
    r"listed))|let me (?:guess|try|say)",
    r"(?:anything|anyone|nothing|no one|any|none)(?: \w+)? (?:other than|but|except|besides)\b",
    r"(?:from what|as|as far as|so far as|to the best of what) i (?:can )?(?:remember|recall|know|understand|gather)|"
    r"let's (?:say|go with|call it)|i(?:'ll| will) (?:say|guess|go with)|call it|say,|i recall(?: that)?|"
    r"i remember(?: it)?(?: as| being)?",
    r"if (?:i recall correctly|memory serves(?: me)?(?: right| well| correctly)?|i'm not mistaken|i am not mistaken|"
    r"i remember correctly|pressed|forced)|from memory|off the top of my head|could it be|isn't it|is it",
    r"可能|也许|或许|大概|应该|我猜|(?:大胆|盲|瞎)猜|猜测(?:是|为)|我想|我觉得|我认为|好像|似乎|估计|恐怕是|多半|"
    r"我记得|印象中|如果(?:非要|一定要|必须|硬要|要)?[^,，。]{0,4}(?:猜|说|选)(?:的话)?|(?:我|那|就|还是|只好|姑且|"
    r"会)+(?:选|猜|答|说)(?!择?不|项)|如果(?:我)?没记错(?:的话)?|姑且",
    r"peut-etre|je (?:pense|crois|dirais|suppose|parierais|pencherais|choisirais)(?: que| pour)?|sans doute|"
    r"probablement|il me semble|a mon avis|si je ne m'abuse|si ma memoire[^,]*|si je (?:devais|me souviens)[^,]*|"
    r"ce (?:serait|doit etre|pourrait etre)",
    r"quizas?|tal vez|a lo mejor|creo|diria|supongo|probablemente|posiblemente|me parece|pienso|apostaria|imagino|"
    r"si (?:tuviera|mal no|no (?:recuerdo|me equivoco|me falla))[^,]*|podria ser|sera|seria|yo diria|eligiria|"
    r"elegiria",
    r"vielleicht|ich (?:glaube|denke|vermute|wurde|tippe|meine|nehme an|rate)(?: auf| sagen| mal)?|vermutlich|"
    r"wahrscheinlich|moglicherweise|(?:es )?(?:konnte|durfte|musste)(?: es)?|ich schatze|soweit ich (?:weiss|weiß|"
    r"mich)[^,]*|meines wissens|wenn ich mich recht[^,]*|wohl|wenn ich (?:raten|mich)[^,]*",
    r"talvez|acho|acredito|penso|diria|suponho|provavelmente|possivelmente|creio|imagino|se (?:eu )?(?:tivesse|"
    r"nao (?:me|estou|falho))[^,]*|deve ser|pode ser|seria|eu diria|chutaria|chuto|aposto",
    r"forse|credo|penso|direi|suppongo|probabilmente|possibilmente|immagino|mi pare|mi sembra|se (?:dovessi|"
    r"non (?:ricordo|erro|sbaglio|vado))[^,]*|salvo errore|potrebbe essere|dovrebbe essere|dev'essere|sara|sarebbe|"
    r"ritengo|azzardo|scommetterei|magari",
    r"возможно|может быть|наверное|наверно|вероятно|скорее всего|думаю|полагаю|кажется|предполагаю|по-моему|пожалуй|"
    r"видимо|если (?:не ошибаюсь|бы|мне)[^,]*|рискну|насколько помню|я бы (?:сказал|выбрал)[аи]?|должно быть|"
    r"предположу",
    r"ربما|أعتقد|اعتقد|أظن|اظن|لعله|لعلها|يبدو|من المحتمل|أرجح|على الأرجح|قد يكون|قد تكون|أخمن|سأقول|أتوقع|"
    r"إن لم أكن مخط[^،,]*|غالبا|تخميني|أغلب الظن|أفضل تخمين|سأختار",
    r"たぶん|多分|おそらく|恐らく|もしかする?と|もしかしたら|確か|きっと|私の(?:推測|記憶)では|推測(?:では|ですが)|"
    r"強いて(?:言えば|言うなら)|おぼろげ",
    r"아마도?|어쩌면|제 (?:생각|추측|기억)(?:에는|으로는|엔|이 맞다면)|제가 (?:알기로|기억하기로)|추측(?:하자면|건대|"
    r"하건대|해 보면|으로)|굳이 (?:말하자면|고르자면|답하자면)|혹시|(?:감히 )?짐작하(?:건대|자면)|내 생각",
    r"(?:अगर|यदि) मैं गलत नहीं(?: हूँ| हूं)?,? ?(?:तो)?|शायद|संभवतः|संभवत|हो सकता है(?: कि)?|मुझे लगता है(?: कि)?|"
    r"मेरे (?:ख्याल|ख़याल|अनुमान|विचार)(?: से| में)?|मेरा (?:अनुमान|मानना|अंदाज़ा)(?: है)?(?: कि)?|लगता है(?: कि)?|"
    r"अनुमान (?:है|से)",
)
TURNS = (
    r"but|though|although|however|so|then|still|nevertheless|anyway|that said|in any case|但是?|不过|可是|然而|mais|"
    r"cependant|toutefois|pero|sin embargo|aunque|aber|jedoch|doch|mas|porem|contudo|no entanto|ma|pero|tuttavia|"
    r"comunque|но|однако|хотя|впрочем"
    r"|لكن|ولكن|لكنني|غير أن|إلا أن|でも|しかし|ただ|ですが|ますが|ませんが|ないが|が[、,]|けれども|けれど|けど|"
    r"하지만|그러나|그래도|다만|그렇지만|지만|는데|लेकिन|परंतु|परन्तु|किंतु|मगर",
)
# "but" and one of these is an offer, or an explanation, and no answer.
OFFERS = (
    r"(?:i|we|you|please|if|feel|thanks?|thank you|let|here|there|someone|others?|some|many|perhaps you|maybe you|"
    r"hopefully|one|any|as|my|your|sorry|no|not|don't|do|try|check|for more|keep)\b",
    r"(?:would|could|can|do|what|who|which|when|where|how|why)\b",
    r"(?:it|that|this)(?: is|'s| was) (?:not|hard|difficult|impossible|unclear|unlikely|important|possible|"
    r"likely that|worth|best|always|beyond|outside|recommended|advisable|also|too|unknown|uncertain|something|up to|"
    r"what|about|just|only|because|due|possibly)\b",
    r"(?:it|that|this)(?: is|'s| was) (?:an? )?[^.]{0,60}(?:question|topic|matter|subject|mystery|shame|pity|area|"
    r"field)\b",
    r"(?:it|that|this|the answer|the question) (?:depends|varies|requires|might depend|may depend|seems|sounds|does|"
    r"could help|has not|hasn't)\b",
    r"我(?:可以|会|能|知道|们|建议|愿意|很乐意|的|正在|将)|您|你|请|如果|建议|欢迎|希望|这|可以|也许(?:您|你)|"
    r"或许(?:您|你)",
    r"(?:je (?:peux|serais|suis|vous|reste)|n'hesitez|vous|si vous|cela|c'est une|il (?:faut|faudrait|serait))|"
    r"(?:puedo|estare|si (?:quiere|desea|necesita|me)|no dudes|te|le|podrias|puedes|es (?:un|una|posible|importante)|"
    r"intenta)"
    r"|(?:ich (?:kann|helfe|bin|konnte|empfehle)|sie|du|wenn|falls|bitte|das ist|gerne|versuche)|(?:posso|estou|"
    r"se (?:quiser|voce|precisar)|voce|pode|sinta|tente|estarei)|(?:posso|sono|se (?:vuoi|vuole|hai)|puoi|puo|ti|"
    r"sarei|prova|sentiti)"
    r"|(?:я (?:могу|готов|постараюсь|с)|вы|если|рекоменд|обратит|советую|уточн|попробуйте|пожалуйста|можете|это|рад)|"
    r"(?:يمكنك|يمكنني|إذا|اذا|يرجى|أستطيع|يسعدني|هل)|(?:お|ご|他|もし|何か|詳細|ぜひ|別|質問|確認|調べ)|(?:제가|다른|"
    r"더|혹시 더|원하|필요|도움|자세한|추가|질문|확인)|(?:मैं|आप|यदि|अगर|कृपया|क्या|यह)",
)
# What a sentence behind a refusal begins with, where it states an answer: "It was 1945", "The year was 1945".
STATED = (
    r"(?:so |then |therefore,? |anyway,? |still,? |in any case,? |and |well,? )*(?:(?:it|that|this|he|she|they|"
    r"answer)'s|(?:it|that|this|he|she|they|(?:the |my )?answer|the (?!question|information|data|topic|context|"
    r"details?\b|request|subject|prompt|passage|text|document|query|issue|matter|scope"
    r"|knowledge|model|best|only|available|user|exact|precise|specific|official|reason|most|given|provided|last|"
    r"latest|above|name you)[a-z' -]{2,60}?|its [a-z -]{2,40}?|option|correct answer)(?: is| was| are| were| would be"
    r"| will be| must be| has to be|:))(?: probably| likely| possibly| perhaps| maybe| called| named| actually)* "
    r"(?!not|un|no\b|beyond|outside|difficult|hard|possible|impossible|important|always|best|better|too|up to|about|"
    r"something|what|available|needed|required|based|subject|also|just|simply|only|my|very|quite|n't|in (?:my|"
    r"the scope|dispute)|lost|disputed|debated|still"
    r"|currently|likely that|a (?:complex|difficult|hard|good|matter|question|topic|very|highly|sensitive|subjective|"
    r"fictional|great|tough|rather|specific|mystery|bit|lot|shame)|an (?:interesting|open|obscure|excellent|area|"
    r"unanswered)|one of those|because|due|open|far|out of|not|to be|often|never|worth|above|so|given|recommended)",
    r"(?:it|he|she|they) (?:[a-z]{3,}ed|began|took|came|won|wrote|lies|had|means|stands|became|happens|"
    r"occurs)\b(?! (?:not|no|on|to)\b)",
    r"(?:答案|正确答案|它|那|这|首都|作者|年份|时间|地点|名字|应该|(?!请|您|你|建议|以|如)[^,，。]{1,10})(?:应该|大概"
    r"|可能)?(?:是|为|叫)(?!因为|由于|我|一个(?:复杂|难|很|比较)|不|没|否|什么|谁|哪|如何|怎|根据|非常|很|无|个谜|"
    r"未知|目前|关于|超出)",
    r"(?:(?:das|der|die) \w+ (?:ist|war|lautet)|(?:il|la|lo|l')\s?\w+ (?:e|fu|era)|(?:el|la) \w+ (?:es|fue|era)|(?:le"
    r"|la|l')\s?\w+ (?:est|etait|fut)|(?:o|a) \w+ (?:e|foi|era))(?! (?:nicht|non|no|pas|nao|unbekannt|inconnu|"
    r"desconocid|sconosciut|desconhecid|leider))\b",
    r"(?:c'est|c'etait|la reponse est|il s'agit|ce fut)(?! (?:une question|difficile|impossible|pas|inconnu|tout|"
    r"au-dela|hors))|(?:es|fue|era|la respuesta es|se trata)(?! (?:una pregunta|dificil|imposible|posible|desconocid|"
    r"importante|algo|un tema))\b"
    r"|(?:es ist|es war|das ist|das war|die antwort (?:ist|lautet))(?! (?:eine frage|schwer|unmoglich|nicht|unbekannt"
    r"|unklar|leider|mir|moglich|eine gute))|(?:e|foi|era|a resposta e)(?! (?:uma pergunta|dificil|impossivel|"
    r"possivel|desconhecid))\b|(?:e|fu|era|la risposta e)(?! (?:una domanda|difficile|impossibile|possibile|"
    r"sconosciut))\b"
    r"|(?:это|ответ|это был[аои]?)(?! (?:не|сложн|трудн|вопрос|невозможн|зависит|неизвестн|связано))\b|(?:إنه|إنها|هو"
    r"|هي|الجواب|الإجابة)(?! (?:سؤال|صعب|غير|ليس|لا))(?: هو| هي)?",
)
