"""Reports to draw, in our own wording."""

EXAMPLE_REPORTS: dict[str, str] = {
    "No finding": (
        "The heart is normal in size. The mediastinum is normal. The lungs are clear. "
        "There is no pleural effusion or pneumothorax."
    ),
    "Enlarged heart": (
        "The heart is markedly enlarged. There is no pleural effusion or pneumothorax. The lungs are clear."
    ),
    "Effusion": (
        "There is a large left pleural effusion with adjacent atelectasis. The heart is normal in size. "
        "No pneumothorax."
    ),
    "Edema": (
        "The heart is enlarged. There is pulmonary edema with small bilateral pleural effusions. "
        "No pneumothorax."
    ),
    "Pacemaker": (
        "A left chest pacemaker is present with leads in the right atrium and right ventricle. "
        "The heart is enlarged. The lungs are clear."
    ),
    "Low volumes": (
        "Low lung volumes with bibasilar atelectasis. The heart is normal in size. No pneumothorax."
    ),
}
