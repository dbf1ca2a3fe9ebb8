"""What a refusal looks like in English: regular expressions.

They are read in lower case, with straight apostrophes and without the accents of Latin letters; blanks are one space.
"""

ADVERBS = (
    r"(?:(?:really|honestly|just|simply|actually|still|truly|currently|unfortunately|quite|yet|also|personally|sadly|"
    r"really"
    r"|genuinely|presently|definitely|certainly|absolutely|regrettably|specifically|quite frankly|even|completely|"
    r"entirely|fully"
    r"|reliably|accurately|confidently|definitively) )*"
)
KNOWN_THINGS = (
    r"(?:answers?|ideas?|clues?|informations?|info|knowledge|data|details?|records?|evidence|facts?|sources?|context"
    r"|memory|recollection|access|way|means|documentation|certainty|confidence|insight|basis|mention|reports?|consensus"
    r"|documents?|expertise|indication|specifics|background|material|response|explanation)"
)
# Verbs of what one cannot do, where this is to give an answer.
UNKNOWN_WORDS = (
    r"(?:known|clear|certain|disclosed|documented|available|recorded|specified|stated|mentioned|provided|given|"
    r"established"
    r"|public|included|found|determined|understood|answerable|listed|attached|visible|here|covered|accessible|revealed)"
)
VERBS = (
    r"(?:answer|say|tell|determine|remember|recall|provide|find|confirm|give|help|assist|verify|identify|know|"
    r"be (?:sure|certain"
    r"|of (?:help|assistance))|speculate|offer|share|name|specify|locate|recogni[sz]e|access|respond|comment|predict|"
    r"complete"
    r"|bring|browse|join|check|read|open|view|hear|watch|judge|describe|translate|pinpoint|pass|choose|pick|select"
    r"|think of|come up|pin|make|state|see|figure|work|look|establish|infer|place|retrieve|supply|discuss|guess|"
    r"disclose|address"
    r"|conclude|decide|claim|do that|do this|reliably)"
)
UNKNOWN = (
    r"(?:unknown|unclear|uncertain|undetermined|undisclosed|unspecified|unavailable|unanswerable|inconclusive|"
    r"disputed by all"
    r"|a mystery|an open question|anyone's guess|anybody's guess|lost to history"
    r"|not (?:(?:yet|currently|publicly|widely|generally|really|well|clearly|readily|entirely|fully|presently|"
    r"officially) )*"
    r"(?:known|clear|certain|disclosed|documented|available|recorded|specified|stated|mentioned|provided|given|"
    r"established"
    r"|public|included|found|determined|understood|answerable|knowable|listed|something|possible to|in my|part of my|"
    r"covered"
    r"|within my|one i|accessible|revealed|defined))"
)
ME = r"(?:i|we|this (?:ai|model|assistant)|the (?:ai|model))"
AM = r"(?:i'm|i am|im|we're|we are|i was|we were|i remain|i've been|i have been)"
NOT_DO = r"(?:do not|don'?t|did not|didn'?t)"
# Behind these may stand what is not known ("I don't know the capital of Chad").
STARTS = (
    rf"{ME} {ADVERBS}{NOT_DO} {ADVERBS}(?:know|remember|recall|recogni[sz]e|possess|understand|feel (?:comfortable|"
    rf"able|confident)"
    rf"|think (?:i|we) (?:can|know|have)|believe (?:i|we) (?:can|know|have)|wish to|want to (?:answer|guess|speculate"
    rf"|mislead|give|make|risk|invent)"
    rf"|have (?:[a-z0-9'-]+ ){{0,5}}?(?:{KNOWN_THINGS}|access|figures?|ability|capability|name|number|dates?|"
    rf"statistics|it|that)"
    rf"|see (?:any|enough|an?|the)|hold|store|possess)",
    rf"{ME} (?:may|might)(?: not|n't) (?:have|know|be able)",
    r"(?:any|whatever) (?:answer|guess|reply|figure|name|number|date) i(?: gave|'d give| would give| could give| give"
    r"| offered|'d offer| might)",
    r"(?:i'd|i would|i'll|i will|i'd just|it would)(?: only| just| simply)? be (?:only |just )?(?:guessing|"
    r"speculating|making|inventing|a (?:pure |wild )?guess|speculation|irresponsible|wrong|misleading|unwise"
    r"|pure speculation|inappropriate|dishonest)",
    r"(?:it's|it is|the (?:name|answer|word) is)(?: right| just)? on the tip of my tongue",
    r"(?:this|that|the|your) (?:question|one|query)?(?: is|'s) (?:far |way |a bit |much )?too (?:specific|broad|vague"
    r"|obscure|ambiguous|general|detailed|niche|hard|difficult)",
    r"i(?:'ve| have) (?:searched|looked|checked|tried)[^.!?]{0,80}(?:nothing|no |could(?:n't| not)|not |without|"
    r"in vain)",
    r"(?:i(?:'d| would)? |you (?:should|may want to|might want to|could|can|will need to|would need to|need to|"
    r"'d better) )(?:recommend|suggest|advise|encourage|contact|check|consult|ask|refer|look (?:it|this|that|up)|"
    r"visit|speak|see|try|verify|search)"
    r"(?: (?:that )?you| to you)?(?: to)?(?: [a-z]+ing)?\b(?! (?:it is|that it is|it's|the answer))",
    r"(?:i )?have(?:n't| not) (?:a clue|the (?:faintest|foggiest|slightest)|any idea)",
    r"not (?:something|a question|one|anything) (?:that )?(?:i|we)\b",
    r"there(?:'s| is) no (?:telling|knowing|saying|certainty|way|point|answer)\b",
    r"(?<![a-z])do(?:n'?t| not) (?:know|remember|recall)(?! (?:why|how|me|him|her|much|nothing)\b)",
    rf"{ME}(?:'ve| {ADVERBS}have) {ADVERBS}(?:no|zero|little|limited|insufficient|not enough|only limited|"
    rf"absolutely no|really no)"
    rf" (?:[a-z-]+ ){{0,3}}{KNOWN_THINGS}",
    rf"{ME} {ADVERBS}(?:lack|lacks)(?= )",
    r"(?:i|we)(?:'ve| have)(?:n't| not| never) (?:(?:the (?:faintest|slightest|foggiest)(?: idea| clue)?|a clue|"
    r"any idea)"
    r"|(?:ever |yet |even )*(?:heard|seen|come across|been (?:given|told|trained|able|provided)|found|encountered|"
    r"learned|got (?:a|any))\b)",
    r"(?:i |we )?(?:'ve )?(?:have )?never (?:heard|come across)(?= (?:of|about|that)\b)",
    rf"{AM} {ADVERBS}(?:not (?:so |very |entirely |completely |quite |really |100 ?% |hundred percent |totally |"
    rf"absolutely |at all "
    rf"|too |fully |even |currently |exactly |always )*(?:sure|certain|aware|familiar|able|in a position|allowed|"
    rf"permitted|equipped"
    rf"|qualified|programmed|designed|capable|knowledgeable|confident|privy|comfortable|positive|trained|informed|"
    rf"up to date"
    rf"|going to (?:answer|guess|be able|speculate|pretend|make|try)|acquainted|well[- ]versed)|"
    rf"going to (?:have to )?(?:pass|decline|skip)|unsure|uncertain|unable|unaware|unfamiliar|stumped|at a loss"
    rf"|clueless|in the dark|drawing a blank|blanking)",
    rf"{ME} {ADVERBS}(?:cannot|can'?t|can not|could not|couldn'?t|am unable to|was unable to|am not able to|will not|"
    rf"won'?t|would not"
    rf"|wouldn'?t|may not) {ADVERBS}(?:be able to |possibly )?{VERBS}",
    rf"{ME}(?:'d| would)? {ADVERBS}(?:rather not|better not|prefer not to|decline|refuse|have to (?:decline|pass|"
    rf"say (?:i|that i)|check|look|see|research|verify|ask|guess)|need to pass"
    rf"|must (?:decline|pass|refuse|abstain)|will (?:have to )?(?:pass|decline|abstain|refrain)|choose not to|abstain"
    rf"|need (?:more|further"
    rf"|additional|to (?:look|check|see|research|consult))|would (?:have|need) to (?:look|check|see)|wish i knew|"
    rf"give up|draw a blank|pass)\b",
    r"my (?:[a-z-]+ )?(?:knowledge|training|data|memory|information|database|sources?|records?|"
    r"expertise)(?: [a-z]+)? (?:do(?:es)?(?: not"
    r"|n't)|is (?:limited|insufficient|not|too)|only|stops?|ends?|has no|have no|lacks?|cannot|can't|fails?)",
    r"not (?:(?:entirely|completely|quite|really|100 ?%|at all|too|very|totally|so) )*(?:sure|certain)(?= (?:about|"
    r"if|what|who|which"
    r"|where|when|whether|how|of|on|i (?:know|can)|that i)\b)",
    r"no (?:idea|clue)(?= (?:about|what|who|which|where|when|how)\b)",
    r"(?:the answer|it|that|this)(?: is|'s) (?:not known|unknown|unclear|uncertain)"
    r"(?= (?:to|who|what|when|where|which|how|why|if|whether|because|at|as of|based|from|for|without|in)\b)",
    r"(?:nobody|no one|no-one|none of us) (?:really |actually |seems to |appears to )*(?:knows?|can (?:say|know|tell))"
    r"(?= (?:for (?:sure|certain)|exactly|the answer|this|that|who|what|when|where|why|how|with)\b)",
    rf"there(?:'s| is| are| was| were|'re)(?: currently| simply| really| just| presently|"
    rf" unfortunately)*(?: not (?:enough|sufficient|any)|n't"
    rf"(?: enough| sufficient| any)?| no| insufficient| little| limited| inadequate|"
    rf" nothing)(?: [a-z-]+){{0,4}}? (?:{KNOWN_THINGS}|known|i can|to go on"
    rf"|that i (?:know|can))\b",
    r"(?:(?:there is |i have )?(?:no|not enough|insufficient|inadequate|lack of|too little|missing|"
    r"limited)) (?:[a-z-]+ ){0,3}(?:information|info"
    r"|data|evidence|knowledge|context|details?|records?|sources?|documentation)\b",
    r"it(?:'s| is| was| would be|'d be)?(?: simply| really| just| very| quite| currently| rather| almost|"
    r" virtually)* (?:hard|difficult|impossible|not possible|tough|tricky"
    r"|too (?:hard|difficult|early)|unclear|beyond|outside|challenging)(?: for (?:me|us|anyone))?(?: to (?:say|tell|"
    r"know|answer|determine|be (?:sure|certain)"
    r"|pin|give|provide|name|identify|predict|verify|confirm|establish)| (?:my|the scope|what i)|(?= who| what| when|"
    r" where| which| how| whether| if))",
    r"(?:hard|difficult|impossible|tough|not possible|too (?:hard|difficult|early)|unable|not able|can(?:not|'?t|"
    r" not)|could(?:n't| not))(?: for me)?(?: to)?"
    r" (?:say|tell|know|answer|determine|be sure|verify|confirm|find|identify|provide|recall|predict|give (?:an?|you|"
    r"the))",
    r"can(?:not|'t| not) be (?:answered|determined|known|found|verified|confirmed|established|inferred|identified|"
    r"ascertained|said|deduced)",
    r"(?:this|that|it|the (?:question|answer|topic)|your question|what you ask)(?: (?:topic|question|one|matter|"
    r"subject|request|query|information))?"
    r"(?: is|'s| falls| lies| goes| seems| may be| appears| would be| is well| is far| is just|"
    r" is simply)(?: to be)? (?:beyond|outside|out of|past|above)"
    r" (?:of )?(?:the (?:scope|limits?|range|bounds|extent|area)|my|what (?:i|my)|our)",
    rf"(?:that|this|it)(?:'s| is)(?: simply| just)? (?:not )?(?:something|a (?:question|topic|detail|fact|thing|"
    rf"subject)|information|one|anything|knowledge|a piece of"
    rf" information)(?: that| which)? (?:i|we)(?:'m| am| {ADVERBS}(?:do|can|could|have|would|was|know|never)(?:n?'t|"
    rf"not)?)",
    r"please (?:consult|check|refer|provide|clarify|look|see|contact|ask|specify|try|give|share|rephrase|tell|"
    r"let me know|be more)\b",
    r"(?:could|can|would) you (?:please |kindly )?(?:provide|clarify|specify|give|share|tell|rephrase|be more|explain"
    r"|elaborate)\b",
    r"(?:which|what|who)(?: [a-z]+){0,3} (?:do|did|are) you (?:mean|refer|referring|talking|asking|have in mind|think"
    r"|want)",
    r"(?:who|god|heaven|lord|goodness) (?:the hell )?(?:really )?knows\b(?! (?:who|what|when)? ?[a-z]* ?(?:wrote|is|"
    r"was))",
    r"(?:your|any(?:one|body)'s) guess is as good as mine|search me|you(?:'ve| have) (?:got me|stumped me)|you got me"
    r"|beats me|no comment|that(?:'s| is) anyone's guess",
    r"(?:information|data|details?|answer|records?)(?: (?:on|about|for) [^.,;:!?]{1,60})?(?: is| are|"
    r" was)? (?:not (?:available|found|known|provided|given|specified)|unavailable"
    r"|unknown|missing|insufficient)",
    r"(?:the |your |my |these |those )?(?:(?:available|given|provided|present|above|existing|surviving|published|"
    r"historical|official) )*(?:question|passage|text|context|prompt|information|documents?|article|data|sources?|"
    r"records?|references|reports|materials?|query|statement)"
    r"(?: (?:given|provided|above|itself|as (?:stated|asked|written)))? (?:does(?: not|n't)|do(?: not|n't)|"
    r"is (?:too |not |un|ambiguous|incomplete|insufficient|vague)"
    r"|are (?:not|insufficient)|lacks?|has no|cannot|can't|fails)",
    r"(?:to )?(?:my knowledge|as far as i know|as far as i'm aware),? (?:this|that|it|there) (?:is|has)(?: not|n't|"
    r" no|n't been)",
)
# Refusals only where nothing more is said in their sentence: "Unknown Pleasures", "Nobody Knows My Name" are none.
SENTENCES = (
    rf"(?:(?:the|its|his|her|their|this|that|your|no|such|any|an?|exact|precise)\b[^.!?,;:]{{0,120}}|it|that|this|"
    rf"answer)(?: is|'s| was| are| were| remains?| has| stays| seems"
    rf"| appears)(?: to be)? (?:currently |still |generally |simply |probably |largely |unfortunately |apparently |"
    rf"as yet |yet |,)*{UNKNOWN}(?: (?:to|by|in|at|for|from|on|as|and|with|because|due|since|whether|who|what|when|"
    rf"where|how|which|why|of|until|today|now|yet|anywhere|i|outside)\b[^.!?,;:]{{0,100}})?",
    r"(?:the|its|his|her|their|this|that|your|no|such|any|an?)\b[^.!?,;:]{0,120}(?:has|have|had|was|were|is|"
    r"are)(?: not|n't| never) (?:yet |ever |been |publicly |officially |fully |widely"
    r" |adequately |reliably )*(?:disclosed|released|published|announced|recorded|documented|determined|revealed|"
    r"established|confirmed|identified|made public|verified|resolved"
    r"|answered|found|given|provided|known)(?: [^.!?,;:]{0,80})?",
    r"(?:(?:the|its|his|her|their|this|that|your|such|any|an?)\b[^.!?,;:]{0,120}|it|that|this) (?:can(?:not|'t| not)|"
    r"could(?: not|n't)|may not) (?:really |ever |reliably |be )*(?:answered|determined"
    r"|known|found|verified|confirmed|established|inferred|identified|ascertained|said|deduced|predicted|traced|"
    r"given)(?: [^.!?,;:]{0,100})?",
    r"(?:(?:the|its|his|her|their|this|that|your|such|who|what|when|where|which|how|why|any|"
    r"an?)\b[^.!?,;:]{0,120}) (?:is|are|was|falls|lies)(?: just| simply| well| far)? (?:not )?(?:beyond|outside|"
    r"out of"
    r"|something (?:that )?(?:i|we)|a (?:question|topic|detail|fact) (?:that )?(?:i|we)|information (?:that )?(?:i|"
    r"we)|a mystery|lost|one (?:that )?(?:i|we))\b[^.!?;:]{0,100}",
    r"(?:the|any|an?) (?:\w+ )?answer (?:is|was|could|can)(?: not|not|n't) (?:be )?"
    r"(?:provided|given|available|clear|certain|specified|determined|found|known)",
    rf"(?:the|its|his|her|their|this|that|your|no|such|any|an?|exact|precise)\b[^.!?,;:]{{0,120}}(?: is| was| are|"
    rf" were|'s)(?:n't| not) (?:{UNKNOWN_WORDS}|one i|something i|part of|within|in my|"
    rf"available)(?: [^.!?,;:]{{0,100}})?",
    r"it(?:'s| is)? (?:not|im)(?: )?possible to (?:answer|say|tell|determine|know)(?: [^.!?,;:]+)?",
    r"(?:currently |answer |still |status )?(?:unknown|unsure|uncertain|unclear|undetermined|unanswerable|"
    r"indeterminate|undefined|not (?:\w+ )?(?:sure|known|certain|available|specified|found|clear)(?: to me)?|"
    r"unknown to me|no (?:idea|clue|answer"
    r"|comment|response|data|info|information|records?|results?|entry|match|matches)(?: (?:at all|whatsoever|sorry|"
    r"available|found|provided|given|known|here))?)",
    r"null|nil|error|undefined|(?:answer |response )?(?:withheld|redacted|unavailable|missing)|not (?:known|available"
    r"|applicable|found|answered)(?: [^.!?]{0,40})?",
    r"(?:idk|dunno|no clue|no idea|not sure|beats me)(?: tbh| lol| sorry| honestly| man| mate| really)+|idk|dunno|n/a"
    r"|beats me|can(?:not|'t) (?:say|tell|answer)|i pass|pass|skip|(?:i have )?nothing(?: to say| comes to mind)|"
    r"no can do|i'm sorry|my apologies",
    r"(?:它|答案|这个|目前)?(?:还|仍)?是?(?:未知|不详|不明|不得而知)的?",
    r"(?:nobody|no one|no-one) (?:really )?knows",
    r"none (?:known|available|found)|insufficient (?:data|information|context|evidence)|not enough (?:data|"
    r"information|context|evidence)",
    r"(?:that|this|it)(?:'s| is) (?:a )?(?:mystery|anyone's guess|unanswerable|debatable)(?: to me)?|(?:that |"
    r"this )?(?:escapes me|eludes me|i(?:'ve| have) forgotten)(?: [^.!?,;:]{0,60})?",
    r"(?:the |his |her |its |their )?[^.!?,;:]{1,60} (?:escapes|eludes) me(?: [^.!?,;:]{0,40})?",
)
# Words that deny, and words of knowing and telling: near each other in a sentence that gives no answer, they decline.
DENYING = (
    r"not|(?:do|does|did|ca|could|wo|would|is|was|are|were|has|have|had|sha|should|ai)n'?t|no|none|never|nothing|"
    r"neither|nor|without|lack(?:s|ing|ed)?|beyond|unable|unknown|impossible|cannot|missing|silent|silence|blank|"
    r"absent|fails?|failed|wish"
    r"|would that|skip|declin(?:e|ing|ed)|refrain|empty|nobody|hardly|barely|little|limited|insufficient|unaware|"
    r"unsure|uncertain|outside|slipped|escapes?|stuck|short of|gap|god|only you|leav(?:e|ing)"
    r"|forgot(?:ten)?|wherever|whoever|more than|ask someone|nope|against|keep me from|worthless|sooner not"
)
KNOWING = (
    r"know(?:n|s|ing|ledge)?|knew|tell(?:s|ing)?|says?|said|saying|state[ds]?|sure|certain|recall|remember(?:ed)?|"
    r"memory|mind|ideas?|clues?|guess(?:ing)?|information|info|data|details?|records?|sources?|answer(?:s|ed|ing)?"
    r"|help|able|ability|abilities|access|mention(?:s|ed)?|document(?:s|ed|ation)?|learn(?:ed|t)?|taught|heard|"
    r"familiar|offer(?:ed)?|determine|work out|make out|confirm|verify|discuss(?:ing)?|comment|speak|provided?|given"
    r"|supplied|text|passage|excerpt|paragraph|question|request|ring a bell|file|figure|consult|reveal|disclosed?|"
    r"judge|equipped|capable|specif(?:y|ied|ics)|context|strong point|hazard|base it on|feed|policy|guidelines"
    r"|anything to me|to me|name for|the name|a name|no name|coming to me|this one|stated|i can do|me out|can do|"
    r"this blank|here|stuck"
)
