"""What the generated data is made of: words, banks and how they write, fees, taxes. All of it is data; change it freely."""

from __future__ import annotations

from dataclasses import dataclass, field

SECTORS = (
    "Siderúrgica", "Cervejaria", "Moinho", "Curtume", "Granja", "Olaria", "Gráfica", "Clínica", "Faculdade", "Mercearia",
    "Serraria", "Logística", "Armazéns Gerais", "Embalagens", "Cooperativa", "Condomínio Edifício", "Construtora", "Distribuidora",
    "Supermercados", "Transportes", "Indústria e Comércio", "Laticínios", "Metalúrgica", "Shopping Center", "Associação Comercial",
    "Fiação e Tecelagem", "Hospital", "Autopeças",
)  # fmt: skip
WORDS = (
    "Aroeira", "Buriti", "Caatinga", "Jequitibá", "Mandacaru", "Pampa", "Cerrado", "Sertão", "Ipê Roxo", "Jatobá", "Pedra Branca",
    "Lagoa Funda", "Monte Claro", "Ouro Fino", "Rio Manso", "Capivari", "Tucunaré", "Seriema", "Araponga", "Guará", "Queluz",
    "Albuquerque", "Bittencourt", "Cavalcanti", "Dornelles", "Figueiró", "Giacomini", "Hoffmann", "Menegotto", "Okamoto", "São Roque",
)  # fmt: skip
TAILS = (
    "", "", "", "do Oeste", "do Leste", "da Mata", "do Planalto", "Meridional", "Sulina", "Gaúcha", "Catarinense", "Fluminense", "Potiguar",
    "e Irmãos", "& Cia", "Associados", "Unificada", "Renovada", "Tropical", "Atlântica", "Empreendimentos",
)  # fmt: skip
LEGAL = (
    ("Ltda", 40), ("Ltda.", 10), ("S.A.", 14), ("S/A", 14), ("ME", 9), ("Ltda - EPP", 7), ("Eireli", 4),
    ("S.A. - em Recuperação Judicial", 2),
)  # fmt: skip
PUBLIC = (
    "Prefeitura Municipal de", "Câmara Municipal de", "Fundação Municipal de Saúde de", "Serviço Autônomo de Água e Esgoto de",
    "Universidade Estadual de", "Instituto Federal de",
)  # fmt: skip
PLANTS = ("UTE", "CGH", "PCH", "Parque Eólico", "Complexo Solar", "Usina Hidrelétrica", "Comercializadora")
PLANT_TAILS = ("Energia S.A.", "Geração SPE Ltda", "Energias Renováveis S.A.", "Energética Ltda")
TRADE_NAMES = ("Bom", "Max", "Super", "Via", "Ponto", "Mundo", "Empório", "Espaço", "Porto")
FIRST_NAMES = ("Alice", "Bento", "Carmen", "Davi", "Elisa", "Heitor", "Irene", "Murilo", "Olga", "Rui", "Tereza", "Vicente")
HOLDINGS = ("Administradora de Bens", "Investimentos", "Gestora de Ativos", "Securitizadora")
COMMERCIALISER = "Comercializadora de Energia S.A."

ABBREVIATIONS = {
    "COOPERATIVA": "COOP", "CONDOMINIO": "COND", "EDIFICIO": "ED", "CONSTRUTORA": "CONSTR",
    "DISTRIBUIDORA": "DIST", "SUPERMERCADOS": "SUPERM",
    "TRANSPORTES": "TRANSP", "INDUSTRIA": "IND", "COMERCIO": "COM", "METALURGICA": "METAL", "SIDERURGICA": "SID", "ASSOCIACAO": "ASSOC",
    "COMERCIAL": "COML", "EMPREENDIMENTOS": "EMPR", "MUNICIPAL": "MUN", "PREFEITURA": "PREF", "ENERGIA": "ENERG", "HIDRELETRICA": "HIDR",
    "COMERCIALIZADORA": "COMERC", "UNIVERSIDADE": "UNIV", "FUNDACAO": "FUND",
}  # fmt: skip
SMALL_WORDS = frozenset({"E", "DE", "DO", "DA", "DAS", "DOS", "&"})
REFERENCES = (
    "NF {n}",
    "NF-E {n}",
    "NFE {n:09d}",
    "FATURA {n}",
    "DUPLICATA {n}/{p}",
    "PGTO NF {n}",
    "NF.{n}",
    "DOC {n}",
    "REF NF{n}",
    "NOTA FISCAL {n}",
)

PLANS = (39900, 65000, 89000, 110000, 125000, 150000, 175000, 200000, 249000, 250000, 350000, 400000, 600000)
"""Prices that many customers share, in cents: what makes equal amounts meet by chance."""
DEPOSITS = (10000, 20000, 50000, 100000, 150000, 200000, 250000, 400000)
FEES = (290, 450, 780, 990, 1100, 1420, 1990)
DISCOUNTS = (100, 150, 200, 300, 400, 500)  # hundredths of a percent
WITHHOLDINGS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("ir", 120), ("pis", 65), ("cofins", 300), ("csll", 100)),  # energy to federal bodies: 5.85 %
    (("ir", 480), ("pis", 65), ("cofins", 300), ("csll", 100)),
    (("ir", 120),),
    (("ir", 150),),
    (("pis", 65), ("cofins", 300), ("csll", 100)),
    (("ir", 150), ("pis", 65), ("cofins", 300), ("csll", 100)),
    (("iss", 500),),
    (("iss", 200), ("inss", 1100)),
    (("ir", 150), ("pis", 65), ("cofins", 300), ("csll", 100), ("iss", 500)),
)
"""Taxes a payer withholds, in hundredths of a percent, each rounded by itself
Lei 9.430 art. 64, IN RFB 1.234, Lei 10.833 art. 30."""
TAXES = ("ir", "pis", "cofins", "csll", "iss", "inss")


@dataclass(frozen=True)
class Bank:
    """A bank and how its statements write things; `{name}` is cut to the width beside it."""

    code: str
    name: str
    agency: str
    account: str
    fee: int
    nets_fee: bool
    pix: tuple[str, ...]
    ted: str
    pix_out: str
    ted_out: str
    boleto_out: str
    batch: str
    single: str
    suppliers: str
    own_in: str
    own_out: str
    balances: tuple[str, ...]
    fitid: str  # day-sequence | day-document | hex-day | document
    six_digits: bool = False
    overlaps: bool = True  # its files repeat the last day of the month before
    charges: tuple[str, ...] = field(default=("TAR PIX", "TAR TED", "TARIFA MENSALIDADE", "TAR REGISTRO BOLETO"))


BANKS = (
    Bank(
        "341", "BANCO ITAU SA", "1402", "0077310-4", 190, False,
        ("PIX TRANSF {name:27} {doc} {day} {ref}", "PIX RECEBIDO {doc} {day} {ref}"),
        "TED {bank}.{agency}{name:17} {ref}", "PIX TRANSF {name:22} {day}", "TED D {name:21}", "BOLETO PAGO {name:22}",
        "BOLETOS RECEBIDOS {day}S", "LIQ BOLETO {number}", "SISPAG FORNECEDORES",
        "TED RECEBIDA {own:20} {owndoc}", "TED MESMA TITULARIDADE {own:14}", ("SALDO TOTAL DISPONIVEL DIA",
        "SALDO ANTERIOR"), "day-sequence",
    ),
    Bank(
        "001", "BANCO DO BRASIL S.A.", "2905", "0031187-X", 245, False,
        ("PIX - RECEBIDO {day} {time} {doc} {name:25} {ref}",),
        "TED-CREDITO EM CONTA {bank} {agency} {doc} {name:17} {ref}", "PIX - ENVIADO {day} {time} {name:25}",
        "TED TRANSF.ELETR.DISPONIV {name:20}", "PAGAMENTO DE BOLETO {name:22}", "COBRANCA - LIQUIDACAO", "COBRANCA LIQUIDACAO NN {number}",
        "PAGAMENTO A FORNECEDORES", "TRANSFERENCIA RECEBIDA {own:22}", "TRANSFERENCIA ENTRE CONTAS {own:14}", ("S A L D O", "SALDO DO DIA"),
        "day-document", overlaps=False,
    ),
    Bank(
        "237", "BANCO BRADESCO S.A.", "1187", "0220904-6", 205, True,
        ("TRANSFERENCIA PIX REM: {name:29} {doc} {day} {ref}", "PIX RECEBIDO REM: {name:29} {doc} {day} {ref}"),
        "TED-TRANSF ELET DISPON REMET.{name:18} {ref}", "TRANSFERENCIA PIX DES: {name:25} {day}", "TED DIF.TITUL.CC H.BANK DEST. {name:20}",
        "PAGTO ELETRON COBRANCA {name:23}", "LIQUIDACAO DE COBRANCA {day}", "LIQUIDACAO TITULO {number}", "PAGTO ELETRON FORNECEDOR",
        "TED-TRANSF ELET DISPON REMET.{own:22}", "TED MESMA TITULARIDADE {own:14}", ("SALDO ANTERIOR", "SALDO DO DIA"), "hex-day",
    ),
    Bank(
        "033", "BANCO SANTANDER (BRASIL) S.A.", "3311", "13008820-5", 220, True,
        ("PIX RECEBIDO {doc} {name:27} {ref}",),
        "CRED TED {bank} {name:18} {ref}", "PIX ENVIADO {name:24}", "TED ENVIADA {name:24}", "PAGAMENTO DE TITULO {name:22}",
        "LIQ COBRANCA SIMPLES QTD {count}", "LIQ TITULO {number}", "PAGTO FORNECEDOR LOTE", "TED RECEBIDA {own:20} {owndoc}",
        "TED MESMA TITULARIDADE {own:14}", ("SALDO DO DIA",), "document", six_digits=True, overlaps=False,
    ),
    Bank(
        "104", "CAIXA ECONOMICA FEDERAL", "1550", "0003344-7", 160, False,
        ("CRED PIX {doc} {name:25} {ref}",),
        "CRED TED {name:18} {ref}", "ENVIO PIX {name:22}", "ENVIO TED {name:22}", "PAG BOLETO {name:22}",
        "CRED COBRANCA COMPE", "COB COMPE {number}",
        "PAG FORNEC LOTE", "CRED TED {own:20} {owndoc}", "ENVIO TED MESMA TITULARIDADE {own:14}",
        ("SALDO DIA",), "document", six_digits=True,
    ),
    Bank(
        "748", "BANCO COOPERATIVO SICREDI S.A.", "0116", "0044519-1", 175, False,
        ("RECEBIMENTO PIX {doc} {name:26} {ref}", "RECEBIMENTO PIX SICREDI {name:26} {doc} {ref}"),
        "TED CREDITO {name:19} {ref}", "PAGAMENTO PIX {name:24}", "TED DEBITO {name:22}",
        "LIQUIDACAO BOLETO {name:22}", "LIQ.COBRANCA SIMPLES {day}",
        "LIQ.COBRANCA {number}", "PAGTO FORNECEDORES LOTE", "TED CREDITO {own:20} {owndoc}",
        "TED MESMA TITULAR. {own:14}", ("SALDO DO DIA",),
        "day-sequence",
    ),
    Bank(
        "756", "BANCO COOPERATIVO SICOOB S.A.", "4027", "0069120-8", 155, True,
        ("PIX RECEB.OUTRA IF {doc} {name:24} {ref}", "PIX RECEB.OUTRA IF {name:24} {doc} {ref}"),
        "CRED.TED-STR {name:18} {ref}", "PIX EMIT.OUTRA IF {name:22}", "TED EMITIDA {name:22}", "DEB.TIT.COMPE EFETIVADO {name:20}",
        "CRED.LIQUIDACAO COBRANCA {day}", "CRED.LIQ.TITULO {number}", "DEB.PAGTO FORNECEDOR", "CRED.TED-STR {own:20} {owndoc}",
        "DEB.TED MESMA TITULARIDADE {own:14}", ("SALDO DO DIA",), "day-document",
    ),
)  # fmt: skip
"""The first five serve the accounts A1 to A5; a seed may put one of the others in the place of one of them."""
SHARES = (40, 20, 20, 14, 6)
"""Lines by account, in percent."""

UNIDENTIFIED = ("DEPOSITO EM DINHEIRO {digits}", "DEP DINHEIRO ATM {digits}", "DEP CHEQUE BLOQ 1D {digits}")
TAX_TEXTS = ("PAGTO DARF COD {code}", "PAGAMENTO TRIBUTO FEDERAL DARF", "DARF NUMERADO", "INT DARF {code}", "PAGTO ELETRONICO TRIBUTO")
TAX_CODES = ("0561", "1708", "5952", "5856", "6912", "2362")
RETURNED = ("PIX DEVOLVIDO {name:19}", "DEVOLUCAO PIX {name:19}", "ESTORNO {name:19}", "TED DEVOLVIDA {name:19}")
OTHER_MOVEMENTS = {
    "tarifa": (270, "-", (245, 350, 490, 1050, 1290, 12900)),
    "iof": (93, "-", None), "folha": (85, "-", None), "resgate": (82, "+", None), "rendimento": (79, "+",
    None), "aplicacao": (69, "-", None),
    "deposito_nao_identificado": (88, "+", None),
}  # fmt: skip
MOVEMENT_TEXTS = {
    "iof": ("IOF S/ LIMITE", "IOF"),
    "folha": ("FOLHA PAGTO SALARIO", "PGTO SALARIOS"),
    "resgate": ("RESGATE CDB AUTOMATICO", "RESGATE APLICACAO"),
    "rendimento": ("REND PAGO APLIC AUT MAIS", "RENDIMENTO APLICACAO"),
    "aplicacao": ("APLICACAO CDB AUTOMATICA", "APLICACAO FINANCEIRA"),
}

SCENARIOS = {
    "boleto_batch": 416, "boleto_single": 1269, "pix_ref": 791, "pix_doc": 937, "pix_name": 667, "ted_name": 649, "grouped": 510,
    "grouped_branch": 148, "instalment": 508, "tax_known": 285, "tax_unknown": 140, "fee_short": 209, "interest": 255, "discount": 130,
    "rounding": 96, "divergent": 46, "third_party": 96, "third_party_noref": 50, "netting": 60, "twin": 112, "pix_out": 454, "ted_out": 311,
    "boleto_out": 416, "sispag_batch": 166, "darf": 108,
}  # fmt: skip
"""Lines of each scenario in 8,806 lines that settle something."""
DIFFICULTY = {
    "boleto_single": 1, "pix_ref": 1, "boleto_out": 1, "boleto_batch_nr": 5, "pix_name": 3, "ted_name": 3, "interest": 3, "discount": 3,
    "fee_short": 3, "divergent": 3, "twin": 3, "third_party": 3, "ted_out": 3, "grouped": 4, "instalment": 4, "sispag_batch": 4,
    "tax_unknown": 4, "grouped_branch": 5, "netting": 5, "third_party_noref": 5, "balance": 1,
}  # fmt: skip
"""1 easy … 5 hard; 2 where nothing stands."""
