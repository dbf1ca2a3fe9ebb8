"""Every prompt, instruction and refusal text of the project; how they are put together is ``asking.prompts``'s part."""

REFUSAL = "I don't know."

# MMLU's original release (Hendrycks et al. 2021); R-Tuning asks the same way.
MMLU_HEADER = "The following are multiple choice questions (with answers) about {subject}.\n\n"

# What plain prompts have before a question that stands alone, and before its answer.
QUESTION, ANSWER = "Question: ", "\nAnswer:"

# Instructions by wording, kind of question and prompt. "craft" is CRaFT's own text; "short" is this project's.
INSTRUCTIONS = {
    "craft": {
        "choice": {
            "basic": "There is a single choice question about {subject}. Answer the question by replying {a_b_c_or_d}.",
            "refuse": (
                "There is a single choice question about {subject}. If you know the answer, please directly respond "
                "with the correct answer {a_b_c__or_d}. If you do not know the answer, please respond with "
                '"I don\'t know.".'
            ),
        },
        "open": {
            "basic": "Answer the following question as simple as possible.",
            "refuse": (
                "Answer the following question, and if you don't know the answer, only reply with 'I don't know': "
            ),
        },
    },
    "short": {
        "choice": {
            "basic": "Answer the following question about {subject} with one letter, {a_b_c_or_d}.",
            "refuse": (
                "Answer the following question about {subject} with one letter, {a_b_c_or_d}. "
                "If you don't know the answer, reply \"I don't know\"."
            ),
        },
        "open": {
            "basic": "Answer the following question with a short answer.",
            "refuse": (
                "Answer the following question with a short answer. "
                "If you don't know the answer, reply \"I don't know\"."
            ),
        },
    },
}
WORDINGS = tuple(INSTRUCTIONS)

# R-Tuning (Zhang et al. 2024), as its code writes them.
SURE_QUESTION = " Are you sure you accurately answered the question based on your internal knowledge?"
SURE, UNSURE = " I am sure.", " I am unsure."
UNKNOWN_ANSWERS = (
    "The answer is unknown.",
    "The answer is uncertain.",
    "The answer is unclear.",
    "It is not known.",
    "I do not know the answer.",
    "I'm not sure.",
    "There is no definitive answer.",
    "There is much debate.",
    "There is no concrete answer to this question.",
    "It is impossible to answer.",
    "There is no known case.",
    "There is no public information available.",
    "There is no scientific evidence.",
    "There is no right answer.",
    "It is impossible to know.",
    "It is difficult to predict.",
)

# What may stand before an answer, on a line of its own or in front of it: regular expressions.
BEFORE_ANSWER = (
    r"(?:so |thus |therefore,? )?(?:the |my )?(?:final |correct |best |right )?(?:answer|solution)"
    r"(?: to (?:the|this|your) question)?(?: is)?",
    r"(?:the |my )?(?:correct |best |right )?(?:option|choice)(?: is)?",
    r"sure(?: thing)?|certainly|of course|absolutely|okay|ok|great question|good question|here(?:'s| is) the answer",
    r"(?:所以|因此)?(?:最终|正确)?(?:的)?(?:答案|选项)(?:应该)?(?:是|为|選|选)?|好的|当然|选|選",
)

# A line that only says that an answer follows: "Sure, I can help with that!"
WILLING_LINE = r"(?:sure|certainly|of course|absolutely|okay|ok|no problem|happy to help)\b[^.?]*!"

# What a refusal looks like, beyond UNKNOWN_ANSWERS: regular expressions on lower case with straight apostrophes.
# Behind these may stand what is not known ("I don't know the capital of Chad").
REFUSAL_STARTS = (
    r"i (really |honestly |just |simply |actually |still |truly )*(do not|don'?t) (really |actually |yet )*"
    r"(know|remember|recall|have (an?|the|any|enough|access to|sufficient) "
    r"(answer|idea|clue|information|knowledge|data|details?))",
    r"i (really |honestly |absolutely |just )*have (absolutely |really )?no "
    r"(idea|clue|information|knowledge|answer|data|way of knowing)",
    r"i have(n't| not) (the (faintest|slightest|foggiest)( idea| clue)?|a clue|any idea)",
    r"(i'm|i am) (just |really |still |honestly |quite |actually )*"
    r"(not (so |very |entirely |completely |quite |really |100 ?% |totally |absolutely )*"
    r"(sure|certain|aware of|familiar with|able to)|unsure|uncertain|unable to|unaware of)",
    r"i (really |simply |just )*(cannot|can't|could not|couldn't) (really )?"
    r"(answer|say|tell|determine|remember|recall|provide|find|confirm|give (you )?(an|the))",
    r"(don'?t|do not) know(?! (why|how|me|him|her|much|nothing)\b)",
    r"not (sure|certain)(?= (about|if|what|who|which|where|when|whether|how|of)\b)",
    r"no (idea|clue)(?= (about|what|who|which|where|when|how)\b)",
    r"(the answer|it|that|this)( is|'s) (not known|unknown|unclear|uncertain)"
    r"(?= (to|who|what|when|where|which|how|why|if|whether|because|at|as of|based|from|for|without)\b)",
    r"(nobody|no one|no-one) (really )?knows"
    r"(?= (for (sure|certain)|exactly|the answer|this|that|who|what|when|where|why|how)\b)",
    r"(我|本人)?(真的|也|还|還)?(不知道|不晓得|不曉得|不(太|是很|大|能)?(确定|確定|清楚)|不(太|是很)?(了解|瞭解))",
    r"我?(无法|無法|不能|没法|沒法|没有办法|沒有辦法)(回答|确定|確定|提供|给出|給出|确认|確認|得知|知道)",
    r"我?(没有|沒有|缺乏|缺少)(足够的?|足夠的?|相关的?|相關的?|任何)*(答案|信息|資訊|资料|資料|头绪|頭緒)",
    r"(没有人|沒有人|没人|沒人|无人|無人)知道",
)
# Refusals only where nothing more is said in their sentence: "Unknown Pleasures", "Nobody Knows My Name" are none.
REFUSAL_SENTENCES = (
    r"((the|its|his|her|their) [^.!?,;:]+|it|that|this|answer)( is|'s| was| remains?) "
    r"(currently |still |generally |simply |probably )*(unknown|unclear|uncertain|not known)( to me)?",
    r"(the|an?|any) (\w+ )?answer (is|was|could|can)( not|not|n't) (be )?"
    r"(provided|given|available|clear|certain|specified|determined|found|known)",
    r"it('s| is)? (not|im)( )?possible to (answer|say|tell|determine)( [^.!?,;:]+)?",
    r"(currently )?(unknown|unsure|uncertain|unclear|not (sure|known|certain)|no (idea|clue|answer))",
    r"idk|dunno|n/a|beats me|can(not|'t) (say|tell|answer)|i pass|pass",
    r"(nobody|no one|no-one) (really )?knows",
    r"(它|答案|这个|這個|目前)?(还|還|仍)?是?(未知|不详|不詳|不明|不得而知)的?",
)
# What may stand before a refusal.
REFUSAL_FRONTS = (
    r"(i'm |i am )?((so |very |really |truly )*sorry|afraid)( that)?( to say)?( about that)?",
    r"i apologi[sz]e( for [^,.;:]*)?|(my )?apologies|unfortunately|regrettably|sadly",
    r"answer|a|well|honestly|frankly|oh|uh|um+|hm+|actually|but|however|yet|and|that",
    r"to be (honest|frank)|in all honesty|truthfully|i must (admit|confess|say)( that)?|let me think",
    r"i('m| am) going to say|i('d| would) (have to )?say( that)?",
    r"as an? (large |ai |artificial intelligence )*(language )?(model|assistant|chatbot|ai|artificial intelligence)"
    r"( [^,.;:]*(?=[,.;:]))?",
    r"(as for|as to|regarding|about|concerning|with regard to|on) [^,.;:?]*(?=[,:?])",
    r"((that|this)('s| is) )?(a |an |quite |such |really )*(good|great|hard|tough|difficult|interesting|tricky) "
    r"(question|one)",
    r"[^.!。！]*[?？]",  # the question again
    r"对不起|對不起|很?抱歉|不好意思|很?遗憾|很?遺憾|老实说|老實說|说实话|說實話|但是?|可是|不过|不過|目前",
    r"(作为|作為|关于|關於|至于|至於|对于|對於)[^,，。]*|(对|對)?(于|於)?(这|這)(个|個)?(问题|問題)",
)
# A refusal that goes on with one of these, or with "but" and what is no offer, gives an answer after all.
GUESSES = (
    r"maybe|perhaps|possibly|probably|presumably|i('d| would)? (think|believe|guess|say|suppose|assume)|i'm guessing",
    r"my (best )?guess( is| would be)?|if i had to guess|(it|that|the answer) (might|may|could|must|should) be",
    r"可能|也许|也許|或许|或許|大概|应该|應該|我猜|我想|我觉得|我覺得|我认为|我認為",
)
TURNS_TO_ANSWER = r"but|though|although|however|但是?|不过|不過|可是"
OFFERS = (
    r"(i|we|you|please|if|feel|thanks?|thank you|let|here|there|someone|others?|some|many)\b",
    r"(would|could|can|do|what|who)\b",
    r"(it|that|this)( is|'s| was) (not|hard|difficult|impossible|unclear|unlikely|important|possible)\b",
    r"(it|that|this)( is|'s| was) an? [^.]*question\b",
    r"我(可以|会|會|能|知道)|您|你|请|請|如果",
)
