"""Every prompt, instruction and refusal text of the project; how they are put together is ``asking.prompts``'s part."""

REFUSAL = "I don't know."
REFUSAL_LETTER = "N"  # what stands for it beside the choices' letters (``--refusal letter``)
REFUSALS = ("text", "letter")

# MMLU's original release (Hendrycks et al. 2021); R-Tuning asks the same way.
MMLU_HEADER = "The following are multiple choice questions (with answers) about {subject}.\n\n"

# What plain prompts have before a question that stands alone, and before its answer.
QUESTION, ANSWER = "Question: ", "\nAnswer:"

# Before an answer on the question's own line: how R-Tuning's code asks open questions (ParaRel).
INLINE_ANSWER = " Answer:"

# How R-Tuning's code asks about a claim (FEVER, WiCE).
CLAIM = "Evidence:{evidence}\nClaim:{claim}\nQuestion:Does the evidence support the claim?"

# Instructions by wording, kind of question and prompt; ``letter``: what differs where multiple choice is refused by the
# letter. "craft" has CRaFT's own texts, "short" this project's; ``cautious`` and ``letter`` are this project's in both.
INSTRUCTIONS = {
    "craft": {
        "choice": {
            "basic": "There is a single choice question about {subject}. Answer the question by replying {a_b_c_or_d}.",
            "refuse": (
                "There is a single choice question about {subject}. If you know the answer, please directly respond "
                "with the correct answer {a_b_c__or_d}. If you do not know the answer, please respond with "
                '"I don\'t know.".'
            ),
            "cautious": (
                "There is a single choice question about {subject}. Only if you are confident of the answer, please "
                "directly respond with the correct answer {a_b_c__or_d}. If you are not confident, please respond with "
                '"I don\'t know.".'
            ),
        },
        "letter": {
            "refuse": (
                "There is a single choice question about {subject}. If you know the answer, please directly respond "
                "with the correct answer {a_b_c__or_d}. If you do not know the answer, please respond with N."
            ),
            "cautious": (
                "There is a single choice question about {subject}. Only if you are confident of the answer, please "
                "directly respond with the correct answer {a_b_c__or_d}. If you are not confident, please respond with "
                "N."
            ),
        },
        "open": {
            "basic": "Answer the following question as simple as possible.",
            "refuse": (
                "Answer the following question, and if you don't know the answer, only reply with 'I don't know': "
            ),
            "cautious": (
                "Answer the following question only if you are confident of the answer, and if you are not, only reply "
                "with 'I don't know': "
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
            "cautious": (
                "Answer the following question about {subject} with one letter, {a_b_c_or_d}, only if you are "
                'confident. Otherwise reply "I don\'t know".'
            ),
        },
        "letter": {
            "refuse": (
                "Answer the following question about {subject} with one letter, {a_b_c_or_d}. "
                "If you don't know the answer, reply N."
            ),
            "cautious": (
                "Answer the following question about {subject} with one letter, {a_b_c_or_d}, only if you are "
                "confident. Otherwise reply N."
            ),
        },
        "open": {
            "basic": "Answer the following question with a short answer.",
            "refuse": (
                "Answer the following question with a short answer. "
                "If you don't know the answer, reply \"I don't know\"."
            ),
            "cautious": (
                "Answer the following question with a short answer, only if you are confident of it. "
                'Otherwise reply "I don\'t know".'
            ),
        },
    },
}
PROMPTS = ("basic", "refuse", "cautious", "bare")  # ``bare``: no instruction, the question alone
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

# What a judge model (``--match judge``) is asked, and what it may reply.
JUDGE_PROMPT = (
    "Decide whether an answer to a question is right. It is right if it says the same as one of the accepted answers, "
    "in whatever words and forms of words; it may say more, if nothing in it contradicts that. It is wrong if it says "
    "something else, if it is vaguer, or if it offers several things that are not all accepted.\n\n"
    "Question: {question}\nAccepted answers: {accepted}\nAnswer to judge: {answer}\n\n"
    "Is this answer right? Reply YES or NO."
)
JUDGE_YES, JUDGE_NO = "YES", "NO"

# What a server is asked to find out what it can do, before it is asked anything that counts.
PROBE_QUESTION = "Question: What is the capital of France?\nA. Rome\nB. Paris\nC. Madrid\nD. Vienna\nAnswer:"
PROBE_LETTERS, PROBE_ANSWER = "ABCD", "B"
PROBE_DRAW = "Make up a name for a village that nobody has heard of, and say who lives there:"
# Behind R-Tuning's question, where that can only be a turn of its own.
SURE_REPLY = 'Reply "I am sure." or "I am unsure."'

# Before a full stop that does not end what is said; shorter words never do ("St. Louis", "J. S. Bach").
ABBREVIATIONS = ("mrs", "prof", "gen", "gov", "sen", "rev", "col", "capt", "sgt", "inc", "ltd", "etc", "univ")

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
