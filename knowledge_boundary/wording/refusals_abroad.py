"""What a refusal looks like in eleven other languages: regular expressions, read as those of ``refusals``."""

# Anywhere in a sentence that begins with no other answer.
ANYWHERE = (
    # Chinese
    r"不(?:太|是很|大|能|是|怎么)?(?:知道|晓得|清楚|确定|了解|记得|明白|熟悉|认识|懂)(?!的是)|不得而知|无从(?:得知|"
    r"知晓|知道|考证|查证|判断|回答)|(?:并|完全|实在|真的|还|也)不(?:知道|清楚|了解|确定)",
    r"(?:无法|不能|没法|没办法|没有办法|难以|很难|不便|不方便|不可以|拒绝|恕难|恕不能|恕我不能|暂时不能|未能|无从|"
    r"不好|不敢)(?:够)?(?:准确|直接|确切|给您|给你|为您|为你|向您|明确|具体|对此|对这个问题|就此|完全|作出|做出|给出|"
    r"立即|立刻|随便|妄|就)*"
    r"(?:地)?(?:回答|作答|答复|解答|确定|提供|给出|确认|得知|知道|判断|查到|找到|查证|核实|透露|告诉|告知|断定|断言|"
    r"说|评论|推测|获取|获得|下结论|查询|识别|置评|奉告|从命|帮|定论)",
    r"(?:没有?|缺乏|缺少|未|尚无|暂无|并无|查无|找不到|查不到|没找到|没查到|没有找到|没有查到|未找到|未能找到|"
    r"无)(?:找到|查到|掌握|收集到|检索到|有|足够的?|充分的?|相关的?|任何|可靠的?|确切的?|明确的?|具体的?|公开的?|"
    r"这方面的?|这个|有关|更多的?|可用的?|准确的?|官方的?|关于[^,，。]{0,20}的?|该|此|的)*"
    r"(?:答案|信息|资料|头绪|数据|记录|记载|线索|内容|依据|定论|证据|印象|概念|了解|消息|资讯|知识|结果|史料|文献|"
    r"权限)",
    r"(?:没有|缺乏|缺少|没能找到|无|尚未|未曾|还没有?|没)[^,，。、]{0,18}(?:信息|资料|答案|记录|纪录|数据|记载|依据|"
    r"收录|学习(?:过|到)|研究过|读过|看过|了解过|接触过|提及|提到|公开|说明|披露|公布|背景|结论|定论)",
    r"(?:无法|没法|没办法|不能|未能|无从|难以|不便|不可|还不能|尚不能|尚无法)[^,，。、]{0,14}(?:回答|作答|解答|答复|"
    r"求解|确认|确定|核实|告诉|告知|提供|选择|判断|得知|查|知|说|给|协助|完成|获取|联网|访问|断定|选|辨|定)",
    r"(?:查|找|搜|检索)(?:不|無|无)(?:到|此|出)|(?:我)?(?:给|答|说|想|记|认|猜|拿|解)不(?:出|了|准|来|起|清|"
    r"上)(?:来)?|(?:还真|实在|确实|真)?(?:不|没)(?:晓得|得而知|敢(?:乱|妄|肯定)|好判断|作(?:回)?答|予|乱猜|记得|"
    r"做(?:回)?答)|(?:已|早已|都)?忘(?:了|记了|记|光)|(?:尚|还|仍)不(?:清楚|明|确定|知|了解)|待考|失考|无考|超纲|"
    r"我(?:选择)?放弃|上哪儿?知道|哪(?:里|儿)知道|谁知道|鬼知道|天知道|(?:范围|能力|认知)(?:之外|以外|有限)|所(?:能|"
    r"可)[^,，。]{0,6}(?:范围|范畴)|了解(?:不多|有限|甚少)|知之甚少|不作(?:回)?答|知识(?:截止|有限)|未(?:提及|提到|"
    r"收录|公开|记载|说明|披露)|未(?:知|详|明)(?=[\s,，。;；!！]|$)|另请高明|才疏学浅|孤陋寡闻|一头雾水|(?:条件|信息|"
    r"资料|数据)不(?:足|够|全|详)",
    r"超出(?:了)?(?:我|我的|本人|目前|现有|我们|本模型)?(?:的)?(?:知识|能力|认知|了解|回答|理解|训练|数据|所知|服务|"
    r"学习)?(?:的)?(?:范围|范畴|能力|界限|所知|边界)|(?:不在|不属于|在)(?:我|我的)[^,，。]{0,10}(?:范围|之外|以外)",
    r"(?:没有|没|无)人(?:能)?(?:知道|知晓|说得清|清楚|确定|确切)|(?:没|没有)听说过|从未听说|没听过|闻所未闻|一无所知|"
    r"毫无头绪|无可奉告|爱莫能助|无能为力|恕难(?:奉告|从命|回答)|不予置评|答不(?:上|出)来|答不了|回答不了|想不起来|"
    r"想不出来|记不(?:清|得|起|太清)"
    r"|说不(?:清|准|好|上来)|不好说|难说|不详|有待(?:考证|查证|核实|确认|商榷)|帮不(?:了|上)|(?:我|我的)?(?:知识|"
    r"训练数据|数据库|资料库)(?:中|里|库)?(?:没有|不包含|不包括|未包含|有限)|(?:尚|仍|还|目前|至今)(?:不明|未知|"
    r"不清楚|未有|没有定论|是个谜|是谜|无定论)|不明确|是(?:一)?个谜|我不会(?:回答)?|弃权|跳过这|请提供更多|爱莫能助|"
    r"问倒|难倒|(?:并)?未包含|不包含(?:这|该|相关)|考住|不(?:太)?好回答|没把握",
    # French
    r"je n'(?:ai|y) [^.!?]{0,30}(?:trouve|connais|acces|trace|rien)|(?:on|nous) ne (?:dispos|sa|conna|poss)|"
    r"(?:ne (?:le )?(?:dit|precise|mentionne|permet|figure|donne|indique|contient)[^.!?]{0,30}(?:pas|rien|aucun))|"
    r"aucun(?:e)? (?:souvenir|trace|donnee|information|idee|reponse|element)|pose[rz]? une colle|ne (?:peux|puis|"
    r"pouvons|suis|sais) (?:malheureusement |vraiment )?pas|n'ayant pas|joker|donne ma langue au chat|m'echappe|"
    r"plus en tete|j'ai oublie|sans reponse|oublie\b(?= ce|\W*$)"
    r"|je l'ignore|ne me dit rien|je n'en sais rien|je (?:ne |n')?(?:le |la |l'|les |m'|me |en |vous )?(?:sais|"
    r"connais|peux|puis|souviens|rappelle|saurais|pourrais|dispose|suis|ai|possede|trouve|vois|suis malheureusement|"
    r"suis pas)(?: malheureusement| vraiment| absolument| toujours| tout simplement)* "
    r"(?:pas|aucune?|plus|rien|point)|j'ignore|aucune idee|je n'ai (?:pas|aucune?)|j'ai pas|impossible (?:de|"
    r"a) (?:repondre|dire|determiner|savoir)|(?:n'est|n'a|ne sont|n'ont|ne figure|ne peut|n'existe|"
    r"n'y a)(?: malheureusement)? (?:pas|aucune?|plus)"
    r"[^.!?]{0,40}(?:connu|disponible|information|determin|etabli|repondre|reponse|donnee|public|certitude|source|"
    r"precise)|(?:depasse|sort d|au-dela d|hors d)(?:e |es |u )?[^.!?]{0,12}(?:connaissances|competences|portee|"
    r"savoir|domaine)|je (?:prefere|refuse)[^.!?]{0,20}(?:repondre)|personne ne (?:le )?sait"
    r"|(?:reponse|information)s? (?:est |sont )?(?:inconnue|indisponible|introuvable)s?|c'est inconnu",
    # Spanish
    r"no (?:(?:me|lo|se|te|le) )?(?:menciona|especifica|indica|dice|aparece|viene|precisa|ofrece|detalla|proporciona|"
    r"facilita|suena|viene a la mente|quiero responder|voy a)|(?:paso|abstengo) de|me abstengo|"
    r"mis conocimientos (?:llegan|terminan|no)|se me (?:escapa|olvido|ha olvidado)|lo he olvidado|sin (?:respuesta|"
    r"datos|informacion|comentarios)|ni (?:la menor|la mas|pajolera|puta) idea|(?:resulta|es) imposible|\bno (?:lo |"
    r"la |me |te |le |se |os |puedo |sabria )*(?:se\b|recuerdo|conozco|tengo|dispongo|puedo|podria|sabria|estoy|"
    r"cuento|poseo|encuentro|acuerdo|logro|sabemos|conocemos|consta|hay|existe|existen|es posible|resulta posible|"
    r"figura|esta\b|se sabe|se conoce|soy capaz|encontre|tenemos)"
    r"(?! duda)|desconozco|ni idea|no tengo (?:la )?(?:menor|mas minima)|se desconoce|lo ignoro|ignoro|"
    r"imposible (?:de )?(?:saber|responder|determinar|decir)|(?:fuera|mas alla) de (?:mi|lo que)|nadie (?:lo )?sabe|"
    r"(?:prefiero|me niego a) (?:no )?(?:responder|contestar)|(?:respuesta|informacion|dato)[^.!?]{0,30}(?:desconocid"
    r"|no disponible)|supera mis conocimientos|es desconocid[oa]",
    # German
    r"(?:geht|gehen)[^.!?]{0,40}nicht hervor|keinen? (?:blassen )?(?:schimmer|plan|dunst|zugriff|zugang|angaben?|"
    r"informationen?|auskunft|antwort)|(?:hab|habe)(?: ich)?(?: das| es| leider)? vergessen|mein (?:wissens?stand|"
    r"wissen|kenntnisstand)|(?:kenne|weiss|weiß|sage|beantworte|verrate|mochte|will|darf)[^.!?,]{0,30}\b(?:nicht|"
    r"nichts)\b|fallt mir (?:gerade |leider )?nicht ein|entfallen|keine antwort|passe\b(?=\W*$)|nicht (?:angegeben|"
    r"erwahnt|genannt|uberliefert|ersichtlich)|ohne gewissheit|(?:muss|da muss) ich passen|(?:lasst|konnen|kann|ist|"
    r"sind|wird|wurde)[^.!?,]{0,40}nicht (?:feststellen|sagen|beantworten|bestimmen|klaren|ermitteln|bekannt|"
    r"eindeutig)|weiss (?:ich )?(?:es |das |die |den |dazu |darauf |daruber |leider |ehrlich gesagt |wirklich |"
    r"auch )*(?:nicht|nichts|keine)|weiß (?:ich )?(?:es |das |die |den |dazu |darauf |daruber |leider |"
    r"ehrlich gesagt |wirklich |auch )*(?:nicht|nichts|keine)|keine ahnung|kann (?:ich )?(?:es |das |dir |ihnen |"
    r"dazu |diese |die |darauf |daruber |hierzu |leider |frage |auf |"
    r"mich |diesen |dies |ich |mit |sicherheit )*(?:nicht|keine)|(?:ich )?(?:bin|habe|besitze|verfuge|kenne|erinnere|"
    r"finde|mochte|konnte) (?:ich )?(?:mir |mich |da |dazu |hierzu |leider |darüber |daruber |uber |ehrlich gesagt |"
    r"es |das |die |den )*(?:nicht|unsicher|keine[nr]?|nichts|uberfragt)|(?:es )?(?:liegen|gibt|existieren|"
    r"sind) (?:mir |es |dazu |hierzu |leider |uns |daruber )*"
    r"keine|(?:ist|sind)(?: leider| mir| derzeit| nicht)* (?:unbekannt|nicht bekannt|nicht moglich|unklar|"
    r"nicht verfugbar|ungeklart|nicht dokumentiert|nicht uberliefert)|(?:ausserhalb|außerhalb|jenseits) mein|"
    r"ubersteigt mein|niemand weiss|niemand weiß|da bin ich uberfragt|lasst sich (?:leider )?nicht|uberfragt|"
    r"entzieht sich meiner kenntnis|nicht beantworten|mir nicht bekannt|mir unbekannt",
    # Portuguese
    r"nao (?:informa|menciona|diz|especifica|consta|indica|aparece|traz|lembro|me lembro|me ocorre|vou|quero|cabe|"
    r"gostaria)|me pegou|sem (?:resposta|informac|dados|ideia)|esqueci|foge|prefiro nao|fora do meu|me escapa|"
    r"\bnao (?:o |a |me |te |lhe |se |tenho|ha|sei|faco|consigo|posso|possuo|disponho|lembro|recordo|conheco|"
    r"encontrei|estou|existe|existem|saberia|e possivel|foi possivel|sabemos|temos|fui|e conhecid|esta disponivel|"
    r"sou capaz|da para)+[^.!?,]{0,30}|desconheco|foge (?:ao|do|a)|(?:nem|sem|nenhuma) (?:ideia|faco ideia)|ignoro|"
    r"ninguem sabe|(?:fora|alem) d[oa]s? (?:meus?|minhas?|escopo|que)"
    r"|(?:resposta|informacao|dado)s?[^.!?]{0,30}(?:desconhecid|indisponivel|nao disponivel)|impossivel (?:responder|"
    r"saber|dizer|determinar)|e desconhecid[oa]|sei la|prefiro nao",
    # Italian
    r"(?:mi )?sfugge|esula|non (?:dice|menziona|specifica|indica|riporta|compare|emerge|viene|mi viene|intendo|voglio"
    r"|figura|consente)|ho dimenticato|senza (?:risposta|dati|informazioni)|passo\b(?=\W*$)|preferisco (?:non|"
    r"astenermi)|nessun(?:a|o)? (?:idea|informazione|dato|risposta|notizia)|\bnon (?:lo |la |le |li |mi |ti |ne |ci |"
    r"si |vi |e |sono |ho |so|saprei|ricordo|conosco|posso|dispongo|possiedo|riesco|trovo|sono|abbiamo|sappiamo|"
    r"esistono|esiste|risulta|risultano|c'e|ci sono|e possibile|e noto|e nota|e stato|posso|potrei|"
    r"viene)+[^.!?,]{0,30}|nessuna idea|(?:lo )?ignoro|nessuno lo sa|(?:oltre|al di la|al di fuori|fuori) (?:del|dell"
    r"|dei|della|delle|il|le|la)? ?(?:mi[aeo]i?|l'ambito|portata)"
    r"|(?:risposta|informazione|dato)[^.!?]{0,30}(?:sconosciut|ignot|non disponibil)|impossibile (?:rispondere|dir|"
    r"saper|determinar|stabilir)|e (?:sconosciut|ignot)[oa]|preferisco non|non saprei",
    # Russian
    r"не (?:установлен|сказано|указан|упомина|упомянут|сообщ|вправе|раскры|разглаша|могу|дам|вспомн|припомн|приходит|"
    r"сохранил|обнаруж|нахо|содерж|имеет|берусь|хочу|стану|буду|в состоянии|скажу)|(?:ответить|сказать|сообщить|"
    r"назвать|определить)[^.!?]{0,40}не (?:могу|смогу|удастся|получится)|мои (?:данные|знания) (?:ограничен|заканчива"
    r"|не)|(?:вылетело|выпало) из (?:головы|памяти)|забыл|без комментариев|пас\b(?=\W*$)|не (?:знаю|помню|могу|уверен"
    r"|уверена|располагаю|имею|владею|известно|известен|известна|известны|удалось|смогу|знаем|нашел|нашла|нашлось|"
    r"осведомлен|в курсе|знаком|берусь|готов|скажу|ясно|существует данных|определен|представляется возможным|"
    r"хочу отвечать|обладаю|понимаю)|неизвестн[оаы]?|(?:нет|отсутству[ею]т|нету|недостаточно|мало)[^.!?]{0,30}"
    r"(?:информаци|данных|сведени|ответа|понятия|достоверн|возможности|представления|данные)|понятия не имею|"
    r"затрудняюсь|за пределами мо|выходит за (?:рамки|пределы)|никто не знает|без понятия|невозможно (?:сказать|"
    r"ответить|определить|узнать|установить)|трудно сказать|сложно сказать|воздержусь|отказываюсь",
    # Arabic
    r"أ(?:ف|)فض?ّ?ل (?:عدم|ألا|أن لا)|أفضل (?:عدم|ألا)|نسيت|لا (?:تذكر|يذكر|يوضح|يرد|تشير|يحضرني|تحضرني|أريد|يتضمن|"
    r"تتضمن|أرغب|أود|يسعني|تسعفني|أستحضر)|لم (?:يُذكر|يذكر|تذكر|يرد|أسمع|أدرس|أقرأ|يحدد|تُحدد|يُحدد|يكشف|تُعلن|يُعلن|"
    r"يعلن)|(?:معلوماتي|معرفتي|بياناتي) (?:محدودة|لا|تتوقف|حتى)|بلا (?:إجابة|جواب)|ليس بمقدوري|لا جواب|لا إجابة|"
    r"لا (?:أعرف|اعرف|أعلم|اعلم|أدري|ادري|أستطيع|استطيع|يمكنني|يمكن|أملك|املك|أمتلك|امتلك|تتوفر|يتوفر|توجد|يوجد|أتذكر"
    r"|اتذكر|أعتقد أنني|تتوافر|نعرف|أحد يعرف|احد يعرف|علم لي|فكرة|أدرى|تتاح|أجد|دراية|أتوفر)|ليس(?:ت)? (?:لدي|لدى|"
    r"عندي|متأكد|من|هناك|بإمكاني|بوسعي|متوفر)|لست (?:متأكد|واثق|قادر|على|أدري|اعرف|أعرف|ملم)|غير (?:متأكد|معروف|متاح|"
    r"متوفر|قادر|واثق|محدد|مؤكد|واضح|ملم)"
    r"|(?:ل[ما]) (?:أتمكن|أستطع|أجد|أعثر|أسمع|يتم|يرد|يُ)|لا أملك|يتجاوز (?:نطاق|حدود|معرفت)|خارج (?:نطاق|حدود|عن) |"
    r"يصعب|من الصعب (?:تحديد|معرفة|الإجابة)|من المستحيل|ما (?:أعرف|اعرف|أدري|عندي|بعرف)|أجهل|يتعذر|تعذر|أعتذر عن|"
    r"مجهول[ةا]?(?:$|[ .])",
    # Japanese
    r"(?:見つかり|見つけられ|読み取れ|分かっており|わかっており|アクセスでき|お伝えでき|お伝えすることは|判明してい|"
    r"記載されてい|記載があり|書かれてい|含まれてい|聞いたことがあり|公開されてい|公表されてい|思い浮かび|浮かび|"
    r"覚えがあり|存じており|把握でき|言及されてい|触れられてい|記録され|残ってい|伝わってい|お教えでき|選べ|"
    r"申し上げることが)(?:ませ|ない|なかった|でき)|ど忘れ|忘れ(?:ました|た|てしま)|ノーコメント|(?:不明|未詳|未公表|"
    r"非公開)|(?:アクセス|お伝え|お答え|回答|確認|特定|判断)することは?(?:が)?(?:でき|難し)|答えを持|パス(?:します|"
    r"で)|情報不足|知見が|難しいと|(?:わかり|分かり|判り|知り|存じ(?:上げ)?|覚えてい|できかね|お答えでき|答えられ|"
    r"回答でき|提供でき|確認でき|把握してい|持ち合わせてい|持ってい|持って(?:お|い)り|ござい|断言でき|特定でき|"
    r"見つかり|見つけられ|申し上げられ|あり|でき|判断でき|存在し|明らかになってい|自信があり|自信がござい|確信があり|"
    r"知られてい)ませ(?:ん|ぬ)(?!か)|(?:わから|分から|知ら|覚えてい|思い出せ|答えられ|回答でき|お答えでき|判ら|確証が"
    r"|自信が|情報が|確信が|明らかでは|定かでは|確かでは|知識が|見当がつか|存じ)(?:ない|無い|なく|ねえ|ん(?!で))"
    r"|不明(?:です|だ|である|。|$|で)|情報(?:が|は)(?:ない|ありません|不足|見つか)|(?:私の)?(?:知識|"
    r"能力)(?:の)?(?:範囲|外)(?:を超え|外)|回答を(?:控え|差し控え)|お答え(?:を)?(?:致し)?(?:でき|し)かね|分かりかね|"
    r"わかりかね|範囲を超え|分からず|わからず|心当たりが|見当もつか|存じません|控えさせて|難しいです",
    # Korean
    r"알려진 (?:바|것|정보)(?:가|는|이)? ?없|(?:찾지|찾을 수|알지|밝혀지지|포함되어 있지|공개되지|언급되지|나와 있지|"
    r"떠오르지|생각나지|기록되어 있지|드러나지|접근할 수|조회할 수|선택할 수) ?(?:못|없|않)|(?:자료|정보|기록|"
    r"내용)[^.!?]{0,20}(?:찾지 못|없|부족|않)|까먹|잊어버|잊었|노코멘트|패스(?:하|할)|답하지 않|말할 수 없|미공개|"
    r"밝히기 어렵|금시초문|모르|모릅니다|모른|몰라|몰랐|알 수 (?:없|가 없)|알지 못|알고 있지 (?:않|못)|(?:답변|대답|"
    r"제공|확인|말씀|답|설명|특정|단정|안내)(?:을|를)?(?: ?(?:해|드리|드릴|할|하기|하기가|드리기|드리기가|하실|내릴|"
    r"해 드릴|해드릴|되지))*(?: 수)?(?:는|가)? ?(?:없|못|어렵|어려|곤란|않|불가)|(?:정보|자료|기록|데이터|지식|근거|"
    r"내용|답)(?:가|이|를|을|는|은|도)?(?: 현재| 전혀| 충분히| 충분하지| 찾을 수| 갖고 있지| 가지고 있지|"
    r" 알려진)* (?:없|부족|못|않)"
    r"|(?:확실하지|확신하지|확실치|분명하지|정확하지|기억나지|기억하지|알려지지|알려져 있지|명확하지|가지고 있지|"
    r"공개되지) ?(?:않|못)|(?:확신|자신)(?:이|은)? ?없|기억이 (?:나지|안)|잘 모|알 길이 없|범위를 (?:벗어|넘)|불분명|"
    r"미상(?:입니다)?|알 방법이|들어본 적(?:이)? 없|대답하지 않|기억나지 않|불가능합니다",
    # Hindi
    r"(?:मेरे पास|मुझे|मैं(?! गलत)|हमें|इसका |इसकी |इस )[^।!?]{0,80}(?:नहीं|नही)(?: है| हूँ| हूं| हैं| थी| था| सकता|"
    r" सकती| पाया| पाई| रहा| रही| पाऊंगा| पाऊंगी|[ ,।]|$)|कह नहीं सक|कुछ कह|भूल गय|(?:उल्लेख|जिक्र|"
    r"ज़िक्र)[^।]{0,10}नहीं|(?:पता|मालूम|जानकारी|ज्ञात|जानता|जानती|जानते|याद|यकीन|निश्चित|सुनिश्चित|उपलब्ध|स्पष्ट|"
    r"सक्षम|अंदाज़ा|अंदाजा|ज्ञान|समर्थ|संभव|उत्तर|जवाब|डेटा)[^।!?,]{0,30}(?:नहीं|नही|मुश्किल|असमर्थ)|नहीं (?:पता|"
    r"मालूम|जानता|जानती|जानते|दे सकता|दे सकती|बता सकता|बता सकती|बता|दे पा|दे सकते|कह|है मुझे|जान|मिली|मिल|कर सकत)|"
    r"(?:बताने|देने|कहने)[^।!?,]{0,15}(?:असमर्थ|सक्षम नहीं|मुश्किल|कठिन)|अज्ञात है|असमर्थ (?:हूं|हूँ)|दायरे से बाहर|"
    r"सीमा से (?:बाहर|परे)|क्षमा करें, (?:मैं|मुझे)[^।]{0,40}नह|कोई नहीं जानता|कहना (?:मुश्किल|कठिन|असंभव)",
)
# The same in languages whose words are not parted by blanks, or whose verbs carry the denial.
DENYING_UNSPACED = (
    r"不|没|無|无|未|难|難|缺|忘|谁|誰|哪里|哪儿|鬼|天(?:才|知)|空白|一头雾水|跳过|饶了|唔"
    r"|ない|ません|ず|なし|없|못|않|모르|몰라|안 |नहीं|शून्य|भगवान|क्या जान"
)
KNOWING_UNSPACED = (
    r"知|晓|會|会|掌握|说|說|讲|清|答|查|找|记|記|想|写|寫|弄明白|图|結論|结论|讨论|展示|见过|見过|匹配|条目|数字|"
    r"名字|资料|資料|内容|確定|确定|判断|懂|告诉|透露|选|算|语塞|难住|把握|提供|公告|来|过我"
    r"|わか|分か|答え|見当|資料|情報|載|お答|控え|さっぱり|覚え|言え|감이|어떻게 알|도와|방법|조회|알|대답|확인|जान|"
    r"बता|मालूम|पता|जानकारी"
)
# Refusals by one word or a set phrase, where no answer stands beside them.
SET_PHRASES = (
    r"\bi(?:'m| am)? (?:must |have to |will |would rather |'d rather )?(?:declin(?:e|ing)|refuse|abstain)\b|"
    r"came up empty|at a loss|rather not|\bstuck\b|\bidk\b|\bdunno\b|ask someone else|tell me which|"
    r"which one you mean|would you mind"
    r"|跳过|饶了我|一片空白|莫衷一是|语塞|唔知|答唔到"
    r"|rien ne me vient|boule de gomme|nul ne (?:le )?sait|j'en sais rien|mis(?:es)? a jour en temps reel|aucune idee"
    r"|je seche|bonne question"
    r"|santo al cielo|no te sabria|remota idea|no he logrado|no aporta|vaya usted a saber|me es imposible|quien sabe|"
    r"ni flores"
    r"|fallt mir [a-z ]*nichts ein|null plan|nichts bekannt|weiss der himmel|weiß der himmel|(?:ausserhalb|"
    r"außerhalb) dessen|schweigt|keine ahnung|uberfragt"
    r"|fico devendo|nao consegui|so deus sabe|nao vou|nao as acompanho|faltam-me|chi lo sa|non posso|tacciono|"
    r"non saprei"
    r"|вылетело|не скажу|не получилось|откуда мне знать|не смогу|умалчивает|нельзя определить|определить нельзя|"
    r"понятия не"
    r"|مش عارف|الله أعلم|يتعذ|ما بعرف|لا أدري|さっぱり|見当も|控えさせ|載ってい|감이 안|어떻게 알|몰라서|"
    r"도와드릴 수 없|방법이 없|भगवान जाने|क्या जानू|जानकारी शून्य"
)
